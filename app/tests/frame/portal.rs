//! A portal that has nothing to show but the frame and the sessions, and one fault for everything else.

use async_trait::async_trait;
use windfirm_app::portal::{Answer, Audit, Person, Rules, Runs, Tree};
use windfirm_model::{
    clock::Timestamp,
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
    pub(crate) sessions: Answer<Vec<SessionRow>>,
    /// What everything else is answered with.
    pub(crate) fault: Fault,
}

impl Default for Answers {
    fn default() -> Self {
        Self::failing(Fault::NotFound)
    }
}

impl Answers {
    pub(crate) fn failing(fault: Fault) -> Self {
        Self { frame: Ok(frame()), sessions: Err(fault.clone()), fault }
    }
}

/// Somebody without any special right.
pub(crate) fn frame() -> Frame {
    Frame {
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
        now: Timestamp::from_seconds(1_795_435_440),
    }
}

#[async_trait]
impl Person for Answers {
    async fn frame(&self) -> Answer<Frame> {
        self.frame.clone()
    }
    async fn home(&self) -> Answer<Home> {
        Err(self.fault.clone())
    }
    async fn sessions(&self) -> Answer<Vec<SessionRow>> {
        self.sessions.clone()
    }
    async fn end_session(&self, _handle: String) -> Answer<()> {
        Err(self.fault.clone())
    }
}

#[async_trait]
impl Tree for Answers {
    async fn tree(&self, _query: TreeQuery) -> Answer<TreePage> {
        Err(self.fault.clone())
    }
    async fn app(&self, _path: AppPath) -> Answer<AppPage> {
        Err(self.fault.clone())
    }
}

#[async_trait]
impl Runs for Answers {
    async fn launch_form(&self, _request: LaunchRequest) -> Answer<LaunchForm> {
        Err(self.fault.clone())
    }
    async fn judge(&self, _request: LaunchRequest) -> Answer<Judgement> {
        Err(self.fault.clone())
    }
    async fn launch(&self, _request: LaunchRequest) -> Answer<RunId> {
        Err(self.fault.clone())
    }
    async fn runs(&self, _query: RunsQuery) -> Answer<RunsPage> {
        Err(self.fault.clone())
    }
    async fn run(&self, _id: RunId) -> Answer<RunPage> {
        Err(self.fault.clone())
    }
    async fn find_run(&self, _short: ShortId) -> Answer<RunId> {
        Err(self.fault.clone())
    }
    async fn log(&self, _id: RunId, _from: u64) -> Answer<LogPage> {
        Err(self.fault.clone())
    }
    async fn stop(&self, _id: RunId) -> Answer<()> {
        Err(self.fault.clone())
    }
}

#[async_trait]
impl Audit for Answers {
    async fn audit(&self, _query: AuditQuery) -> Answer<AuditPage> {
        Err(self.fault.clone())
    }
}

#[async_trait]
impl Rules for Answers {
    async fn access(&self, _query: AccessQuery) -> Answer<AccessPage> {
        Err(self.fault.clone())
    }
    async fn policy(&self) -> Answer<PolicyPage> {
        Err(self.fault.clone())
    }
    async fn system(&self) -> Answer<SystemPage> {
        Err(self.fault.clone())
    }
    async fn ask_clusters(&self) -> Answer<()> {
        Err(self.fault.clone())
    }
}
