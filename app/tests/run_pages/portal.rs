//! A portal that answers with what a test gave it, and with “not found” to everything else.

use std::sync::Arc;

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Audit, Person, PortalHandle, Rules, Runs, Tree};
use windfirm_model::{
    fault::Fault,
    id::{RunId, ShortId},
    path::AppPath,
    view::{
        access::{AccessPage, AccessQuery, PolicyPage},
        app::AppPage,
        audit::{AuditPage, AuditQuery},
        frame::{Frame, SessionRow},
        home::Home,
        launch::{Judgement, LaunchForm, LaunchRequest},
        run::{LogPage, RunPage},
        runs::{RunsPage, RunsQuery},
        system::SystemPage,
        tree::{TreePage, TreeQuery},
    },
};

#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) run: Answer<RunPage>,
    pub(crate) runs: Answer<RunsPage>,
    pub(crate) launch: Answer<LaunchForm>,
    pub(crate) launched: Answer<RunId>,
    pub(crate) log: Answer<LogPage>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { run: Err(Fault::NotFound), runs: Err(Fault::NotFound), launch: Err(Fault::NotFound), launched: Err(Fault::NotFound), log: Err(Fault::NotFound) }
    }
}

impl Answers {
    pub(crate) fn handle(self) -> PortalHandle {
        PortalHandle(Arc::new(self))
    }
}

#[async_trait]
impl Person for Answers {
    async fn frame(&self) -> Answer<Frame> {
        Ok(Frame {
            name: "Ana Ruiz".to_owned(),
            groups: vec!["shop-dev".to_owned()],
            groups_unknown: None,
            issuer: "demo".to_owned(),
            may_view_audit: false,
            may_view_policy: false,
            may_view_system: false,
            live: Vec::new(),
            live_count: 0,
            demo: true,
            now: super::data::START,
        })
    }
    async fn home(&self) -> Answer<Home> {
        Err(Fault::NotFound)
    }
    async fn sessions(&self) -> Answer<Vec<SessionRow>> {
        Err(Fault::NotFound)
    }
    async fn end_session(&self, _handle: String) -> Answer<()> {
        Err(Fault::NotFound)
    }
}

#[async_trait]
impl Tree for Answers {
    async fn tree(&self, _query: TreeQuery) -> Answer<TreePage> {
        Err(Fault::NotFound)
    }
    async fn app(&self, _path: AppPath) -> Answer<AppPage> {
        Err(Fault::NotFound)
    }
}

#[async_trait]
impl Runs for Answers {
    async fn launch_form(&self, _request: LaunchRequest) -> Answer<LaunchForm> {
        self.launch.clone()
    }
    async fn judge(&self, _request: LaunchRequest) -> Answer<Judgement> {
        self.launch.clone().map(|form| form.judgement)
    }
    async fn launch(&self, _request: LaunchRequest) -> Answer<RunId> {
        self.launched.clone()
    }
    async fn runs(&self, query: RunsQuery) -> Answer<RunsPage> {
        self.runs.clone().map(|page| RunsPage { query, ..page })
    }
    async fn run(&self, _id: RunId) -> Answer<RunPage> {
        self.run.clone()
    }
    async fn find_run(&self, _short: ShortId) -> Answer<RunId> {
        self.run.clone().map(|page| page.id)
    }
    async fn log(&self, _id: RunId, _from: u64) -> Answer<LogPage> {
        self.log.clone()
    }
    async fn stop(&self, _id: RunId) -> Answer<()> {
        Ok(())
    }
}

#[async_trait]
impl Audit for Answers {
    async fn audit(&self, _query: AuditQuery) -> Answer<AuditPage> {
        Err(Fault::NotFound)
    }
}

#[async_trait]
impl Rules for Answers {
    async fn access(&self, _query: AccessQuery) -> Answer<AccessPage> {
        Err(Fault::NotFound)
    }
    async fn policy(&self) -> Answer<PolicyPage> {
        Err(Fault::NotFound)
    }
    async fn system(&self) -> Answer<SystemPage> {
        Err(Fault::NotFound)
    }
    async fn ask_clusters(&self) -> Answer<()> {
        Err(Fault::NotFound)
    }
}
