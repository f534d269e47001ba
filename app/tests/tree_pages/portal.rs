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
    /// Comes back with the query that was asked.
    pub(crate) tree: Answer<TreePage>,
    /// Comes back for its own path only.
    pub(crate) app: Answer<AppPage>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { tree: Err(Fault::NotFound), app: Err(Fault::NotFound) }
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
            now: super::data::NOW,
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
    async fn tree(&self, query: TreeQuery) -> Answer<TreePage> {
        self.tree.clone().map(|page| TreePage { query, ..page })
    }
    async fn app(&self, path: AppPath) -> Answer<AppPage> {
        self.app.clone().and_then(|page| if page.path == path { Ok(page) } else { Err(Fault::NotFound) })
    }
}

#[async_trait]
impl Runs for Answers {
    async fn launch_form(&self, _request: LaunchRequest) -> Answer<LaunchForm> {
        Err(Fault::NotFound)
    }
    async fn judge(&self, _request: LaunchRequest) -> Answer<Judgement> {
        Err(Fault::NotFound)
    }
    async fn launch(&self, _request: LaunchRequest) -> Answer<RunId> {
        Err(Fault::NotFound)
    }
    async fn runs(&self, _query: RunsQuery) -> Answer<RunsPage> {
        Err(Fault::NotFound)
    }
    async fn run(&self, _id: RunId) -> Answer<RunPage> {
        Err(Fault::NotFound)
    }
    async fn find_run(&self, _short: ShortId) -> Answer<RunId> {
        Err(Fault::NotFound)
    }
    async fn log(&self, _id: RunId, _from: u64) -> Answer<LogPage> {
        Err(Fault::NotFound)
    }
    async fn stop(&self, _id: RunId) -> Answer<()> {
        Err(Fault::NotFound)
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
