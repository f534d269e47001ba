//! The home page: what needs this person first, then what is live, then the way to a run.

use windfirm_model::{
    action::Action,
    fault::Fault,
    view::{
        home::{Home, ReadyTest},
        runs::RunRow,
    },
};
use windfirm_policy::Decision;
use windfirm_store::runs::{RunsFilter, StateFilter, Who};
use windfirm_tree::page::{Asked, subtree_rows, visible_and_hidden};

use crate::context::Asker;

const FAILING_ROWS: u32 = 8;
const RECENT_ROWS: u32 = 8;
const LIVE_ROWS: u32 = 10;
const READY_ROWS: usize = 8;

impl Asker {
    pub(super) async fn home_page(&self) -> Result<Home, Fault> {
        let store = &self.portal.store;
        let fault = |error| self.store_fault(&error);
        let live = RunsFilter { state: Some(StateFilter::Live), ..RunsFilter::default() };
        let live: Vec<RunRow> = store.runs(&self.access, &live, LIVE_ROWS).await.map_err(fault)?.rows;
        let mut recent: Vec<RunRow> = store.runs(&self.access, &RunsFilter::default(), RECENT_ROWS + LIVE_ROWS).await.map_err(fault)?.rows;
        recent.retain(|row| !row.state.is_live());
        recent.truncate(usize::try_from(RECENT_ROWS).unwrap_or(usize::MAX));
        let failing = store.newest_not_passed(&self.access, FAILING_ROWS).await.map_err(fault)?;
        let mine = RunsFilter { by: Some(Who::Me), ..RunsFilter::default() };
        let mine = store.runs(&self.access, &mine, 50).await.map_err(fault)?.rows;
        let runs = self.app_runs().await?;
        let launch = |place: &windfirm_policy::Place| self.may_launch(place);
        let asked = Asked { tree: &self.tree.tree, access: &self.access, runs: &runs, launch: &launch, now: self.portal.clock.now() };
        let revision = self.revision();
        let partial = revision.stale.as_ref().map(|why| match revision.is_unread() {
            true => format!("The tree could not be read yet. {why}"),
            false => format!("The tree shows an older commit. {why}"),
        });
        let ready = self.ready(&mine);
        let (apps, hidden) = visible_and_hidden(&self.tree.tree, &self.access);
        Ok(Home {
            failing,
            live,
            recent,
            subtrees: subtree_rows(&asked),
            ready_more: u32::try_from(ready.len().saturating_sub(READY_ROWS)).unwrap_or(u32::MAX),
            ready: ready.into_iter().take(READY_ROWS).collect(),
            apps,
            hidden,
            unread: revision.is_unread(),
            partial,
            now: asked.now,
        })
    }

    /// Tests that the asker may launch now; those they launched last come first.
    fn ready(&self, mine: &[RunRow]) -> Vec<ReadyTest> {
        let mut ready: Vec<(usize, ReadyTest)> = Vec::new();
        for app in self.tree.tree.apps() {
            let place = app.place();
            if !self.access.allows(Action::ViewApp, &place) {
                continue;
            }
            let Decision::Allowed(grant) = self.access.can(Action::LaunchRun, &place) else { continue };
            if self.locked(app, grant.service_account.as_deref()).is_some() {
                continue;
            }
            for test in &app.tests {
                let used = mine.iter().position(|run| run.path == app.path && run.test == test.path).unwrap_or(usize::MAX);
                let row = ReadyTest {
                    path: app.path.clone(),
                    environment: app.environment.clone(),
                    test: test.path.clone(),
                    service_account: grant.service_account.clone().unwrap_or_default(),
                };
                ready.push((used, row));
            }
        }
        ready.sort_by_key(|(used, _)| *used);
        ready.into_iter().map(|(_, row)| row).collect()
    }
}
