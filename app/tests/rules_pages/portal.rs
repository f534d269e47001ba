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
    pub(crate) access: Answer<AccessPage>,
    pub(crate) audit: Answer<AuditPage>,
    pub(crate) policy: Answer<PolicyPage>,
    pub(crate) system: Answer<SystemPage>,
    /// What comes of asking the clusters now.
    pub(crate) asked: Answer<()>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { access: Err(Fault::NotFound), audit: Err(Fault::NotFound), policy: Err(Fault::NotFound), system: Err(Fault::NotFound), asked: Ok(()) }
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
            may_view_audit: true,
            may_view_policy: true,
            may_view_system: true,
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
    async fn audit(&self, query: AuditQuery) -> Answer<AuditPage> {
        self.audit.clone().map(|page| AuditPage { query, ..page })
    }
}

#[async_trait]
impl Rules for Answers {
    async fn access(&self, query: AccessQuery) -> Answer<AccessPage> {
        self.access.clone().map(|page| AccessPage { query, ..page })
    }
    async fn policy(&self) -> Answer<PolicyPage> {
        self.policy.clone()
    }
    async fn system(&self) -> Answer<SystemPage> {
        self.system.clone()
    }
    async fn ask_clusters(&self) -> Answer<()> {
        self.asked.clone()
    }
}
