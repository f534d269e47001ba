//! What clusters say, cut to what the asker may know.

use std::{collections::BTreeMap, sync::Arc};

use windfirm_cluster::{Account, Reach};
use windfirm_model::{
    action::Action,
    clock::Timestamp,
    fault::Fault,
    path::AppPath,
    run::RunStateKind,
    view::cluster::{AccountFindings, ClusterAway, ClusterState},
};
use windfirm_policy::{Access, Decision};
use windfirm_store::runs::RunRecord;
use windfirm_tree::graph::App;

use crate::{
    context::Asker,
    places::cluster_of,
    sites::{RunsAt, Site},
};

/// Why a cluster is away, for those who may not know where it is.
const NOT_HEARD: &str = "It cannot be read right now. Those who look after the portal are told why.";

impl Asker {
    /// How old the clusters' parts of the tree are, of those clusters that have an app the asker may see.
    pub(super) fn cluster_states(&self) -> Vec<ClusterState> {
        let Some(home) = self.portal.sites.forest().map(|options| options.clusters.home()) else { return Vec::new() };
        let seen = |site: &Site| {
            let here = |app: &&App| self.portal.sites.meant(&app.object_cluster).is_some_and(|name| name == site.name());
            self.tree.tree.apps().iter().filter(here).any(|app| app.allows(&self.access, Action::ViewApp))
        };
        self.portal.sites.iter().filter(|site| site.name() == home || seen(site)).filter_map(|site| self.cluster_state(site, home)).collect()
    }

    fn cluster_state(&self, site: &Site, home: &str) -> Option<ClusterState> {
        let standing = site.standing()?;
        let told = self.access.can_anywhere(Action::ViewSystem).is_some();
        let away = standing.away.map(|(since, why)| ClusterAway { since, why: if told { why } else { NOT_HEARD.to_owned() } });
        Some(ClusterState { name: site.name().to_owned(), home: site.name() == home, heard: standing.heard, away, complete: standing.complete })
    }

    /// How old the part of the tree is that this one app stands in. It costs what the app costs, however many there are.
    pub(super) fn cluster_states_of(&self, app: &App) -> Vec<ClusterState> {
        let sites = &self.portal.sites;
        let Some(home) = sites.forest().map(|options| options.clusters.home()) else { return Vec::new() };
        let told = app.live(&self.access).map(|live| live.object.id().cluster.to_string());
        let own = told.or_else(|| sites.meant(&app.object_cluster));
        let wanted = |site: &&Arc<Site>| site.name() == home || own.as_deref() == Some(site.name());
        sites.iter().filter(wanted).filter_map(|site| self.cluster_state(site, home)).collect()
    }

    /// What was found of the account that a launch of the asker's on this app would act as. Of the apps that it breaks this one alone is
    /// named: the others are looked for where all of them are shown, on the access page.
    pub(super) async fn account_findings_of(&self, app: &App) -> Result<Option<AccountFindings>, Fault> {
        self.account_findings_for(&self.access, app).await
    }

    /// The same of somebody whose launch it would be; the asker may ask about them there.
    pub(super) async fn account_findings_for(&self, whose: &Access, app: &App) -> Result<Option<AccountFindings>, Fault> {
        let Decision::Allowed(grant) = whose.can(Action::LaunchRun, &app.place()) else { return Ok(None) };
        let (RunsAt::In(site), Some(account)) = (self.portal.sites.runs_at(&app.cluster), grant.service_account.clone()) else { return Ok(None) };
        // That it is away is told as the reason that locks.
        if matches!(site.cluster.reach(), Reach::Away { .. }) {
            return Ok(None);
        }
        let live = self.portal.store.live_runs(&self.access).await.map_err(|error| self.store_fault(&error))?;
        Ok(finding(&site, &account, vec![app.path.clone()], &live))
    }

    /// All accounts that the asker's grants name for apps that they see; every account for those who may explain access everywhere.
    pub(super) async fn account_findings(&self) -> Result<Vec<AccountFindings>, Fault> {
        if self.portal.sites.iter().next().is_none() {
            return Ok(Vec::new());
        }
        let live = self.portal.store.live_runs(&self.access).await.map_err(|error| self.store_fault(&error))?;
        let found = self.apps_by_account().into_iter().filter_map(|((cluster, account), breaks)| {
            let site = self.portal.sites.get(&cluster)?;
            finding(site, &account, breaks, &live)
        });
        Ok(found.collect())
    }

    /// Those of them that lock an app of the asker's. While no account lacks anything, no app is looked at.
    pub(super) async fn locking_findings(&self) -> Result<Vec<AccountFindings>, Fault> {
        if !self.portal.sites.iter().any(|site| site.any_lacks()) {
            return Ok(Vec::new());
        }
        Ok(self.account_findings().await?.into_iter().filter(|account| !account.green && !account.breaks.is_empty()).collect())
    }

    /// Since when it is known of each cluster that carries out runs what its accounts may do, for somebody who may launch somewhere and whom
    /// nothing locks. `None` where a cluster is away or was not asked yet, and where there is none.
    pub(super) fn granted_everywhere(&self) -> Option<Timestamp> {
        self.access.can_anywhere(Action::LaunchRun)?.service_account.as_ref()?;
        let asked = |site: &Arc<Site>| match site.cluster.reach() {
            Reach::Reached { .. } => Some(site.preflight()?.asked),
            _ => None,
        };
        self.portal.sites.iter().filter(|site| site.runs.is_some()).map(asked).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// By cluster and account, the apps that the asker sees and whose launches go as it.
    fn apps_by_account(&self) -> BTreeMap<(String, String), Vec<AppPath>> {
        let everybody = self.access.holds_everywhere(Action::ExplainAccess);
        let mut found: BTreeMap<(String, String), Vec<AppPath>> = BTreeMap::new();
        for app in self.tree.tree.apps() {
            let place = app.place();
            let RunsAt::In(site) = self.portal.sites.runs_at(&app.cluster) else { continue };
            if !everybody && !self.access.allows(Action::ViewApp, &place) {
                continue;
            }
            let own = match self.access.can(Action::LaunchRun, &place) {
                Decision::Allowed(grant) => grant.service_account.clone(),
                Decision::Refused => None,
            };
            let accounts: Vec<String> =
                if everybody { self.policy.policy.accounts_at(&place).map(|(_, account)| account.to_owned()).collect() } else { own.into_iter().collect() };
            for account in accounts {
                let apps = found.entry((site.name().to_owned(), account)).or_default();
                // Several grants may name one account; then the app is the last one already.
                if self.access.allows(Action::ViewApp, &place) && apps.last() != Some(&app.path) {
                    apps.push(app.path.clone());
                }
            }
        }
        found
    }
}

fn finding(site: &Site, account: &str, apps: Vec<AppPath>, live: &[RunRecord]) -> Option<AccountFindings> {
    let (asked, findings) = site.findings(&account.parse::<Account>().ok()?)?;
    let as_it = |waiting: bool| {
        let wanted =
            |run: &&RunRecord| (run.state.kind() == RunStateKind::Waiting) == waiting && run.service_account == account && cluster_of(run) == Some(site.name());
        u32::try_from(live.iter().filter(wanted).count()).unwrap_or(u32::MAX)
    };
    let green = findings.is_green();
    Some(AccountFindings {
        account: account.to_owned(),
        cluster: site.name().to_owned(),
        asked,
        green,
        unknown: findings.is_unknown(),
        sentences: findings.sentences(),
        because: findings.because.clone(),
        breaks: if green { Vec::new() } else { apps },
        live_runs: as_it(false),
        waiting_runs: as_it(true),
    })
}
