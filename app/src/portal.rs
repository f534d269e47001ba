//! The contract: all that a page may ask of the server, one trait per resource.
//!
//! The server implements it for one request and one actor and hands it in as context; a page never sees a store, a cluster or
//! a route. Everything that comes back is already cut to what the asker may see.

use std::sync::Arc;

use async_trait::async_trait;
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

pub type Answer<T> = Result<T, Fault>;

/// Who is there, and what is around every page.
#[async_trait]
pub trait Person: Send + Sync {
    async fn frame(&self) -> Answer<Frame>;
    async fn home(&self) -> Answer<Home>;
    async fn sessions(&self) -> Answer<Vec<SessionRow>>;
    /// Ends one of the asker's own sessions.
    async fn end_session(&self, handle: String) -> Answer<()>;
}

/// The tree of apps.
#[async_trait]
pub trait Tree: Send + Sync {
    async fn tree(&self, query: TreeQuery) -> Answer<TreePage>;
    async fn app(&self, path: AppPath) -> Answer<AppPage>;
}

/// Launching, reading and stopping runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// The form, filled with what the URL says, and the guardrails' answer to it.
    async fn launch_form(&self, request: LaunchRequest) -> Answer<LaunchForm>;
    /// The guardrails' answer alone, while somebody types. Changes nothing.
    async fn judge(&self, request: LaunchRequest) -> Answer<Judgement>;
    async fn launch(&self, request: LaunchRequest) -> Answer<RunId>;
    async fn runs(&self, query: RunsQuery) -> Answer<RunsPage>;
    async fn run(&self, id: RunId) -> Answer<RunPage>;
    /// The one run that goes by six characters.
    async fn find_run(&self, short: ShortId) -> Answer<RunId>;
    async fn log(&self, id: RunId, from: u64) -> Answer<LogPage>;
    async fn stop(&self, id: RunId) -> Answer<()>;
}

/// The audit log.
#[async_trait]
pub trait Audit: Send + Sync {
    async fn audit(&self, query: AuditQuery) -> Answer<AuditPage>;
}

/// Access, policy, and the portal's own state.
#[async_trait]
pub trait Rules: Send + Sync {
    async fn access(&self, query: AccessQuery) -> Answer<AccessPage>;
    async fn policy(&self) -> Answer<PolicyPage>;
    async fn system(&self) -> Answer<SystemPage>;
    /// Has every cluster asked now what the service accounts may do there, and waits a moment for the answers. They stand in the pages.
    async fn ask_clusters(&self) -> Answer<()>;
}

/// Everything, for one request.
pub trait Portal: Person + Tree + Runs + Audit + Rules {}
impl<T: Person + Tree + Runs + Audit + Rules> Portal for T {}

/// What the server provides as Leptos context, once per request.
#[derive(Clone)]
pub struct PortalHandle(pub Arc<dyn Portal>);

impl std::fmt::Debug for PortalHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortalHandle")
    }
}
