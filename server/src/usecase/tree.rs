//! The tree page, and what home shows of the tree.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Tree};
use windfirm_model::{
    action::Action,
    environment::Environment,
    fault::Fault,
    path::AppPath,
    view::{
        app::AppPage,
        tree::{TreePage, TreeQuery},
    },
};
use windfirm_tree::page::{AppRuns, Asked, LastRun, tree_page};

use crate::context::Asker;

impl Asker {
    /// What the store knows of the runs of each app that the asker may see.
    pub(super) async fn app_runs(&self) -> Result<HashMap<AppPath, AppRuns>, Fault> {
        let summaries = self.portal.store.app_summaries(&self.access).await.map_err(|error| self.store_fault(&error))?;
        let runs = |summary: windfirm_store::runs::AppSummary| AppRuns {
            last: summary.last.map(|(run, state)| LastRun { run, state, spread_us: summary.spreads_us.last().copied() }),
            live: summary.live,
            spread_history_us: summary.spreads_us,
        };
        Ok(summaries.into_iter().map(|(path, summary)| (path, runs(summary))).collect())
    }

    /// The environments of the apps that the asker may see: what filters offer.
    pub(super) fn visible_environments(&self) -> Vec<Environment> {
        let seen: BTreeSet<&Environment> =
            self.tree.tree.apps().iter().filter(|app| app.allows(&self.access, Action::ViewApp)).map(|app| &app.environment).collect();
        seen.into_iter().cloned().collect()
    }
}

#[async_trait]
impl Tree for Asker {
    async fn tree(&self, query: TreeQuery) -> Answer<TreePage> {
        // Of accounts that lock nothing of the asker's there is nothing to say beside the tree.
        let accounts = self.locking_findings().await?;
        let runs = self.app_runs().await?;
        let launch = |place: &windfirm_policy::Place| self.may_launch(place);
        let clusters = self.cluster_states();
        let asked = Asked { tree: &self.tree.tree, access: &self.access, runs: &runs, launch: &launch, clusters: &clusters, now: self.portal.clock.now() };
        let page = tree_page(&asked, &query, &self.revision())?;
        let granted = if accounts.is_empty() { self.granted_everywhere() } else { None };
        Ok(TreePage { accounts, granted, ..page })
    }
    async fn app(&self, path: AppPath) -> Answer<AppPage> {
        self.app_page(path).await
    }
}
