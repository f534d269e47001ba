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
    pub(crate) frame: Answer<Frame>,
    pub(crate) home: Answer<Home>,
    pub(crate) sessions: Answer<Vec<SessionRow>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { frame: Ok(super::data::frame()), home: Err(Fault::NotFound), sessions: Err(Fault::NotFound) }
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
        self.frame.clone()
    }
    async fn home(&self) -> Answer<Home> {
        self.home.clone()
    }
    async fn sessions(&self) -> Answer<Vec<SessionRow>> {
        self.sessions.clone()
    }
    async fn end_session(&self, _handle: String) -> Answer<()> {
        Ok(())
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
