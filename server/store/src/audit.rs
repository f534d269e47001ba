//! The audit log: two rows per operation, an intent before and an outcome after. Rows are only ever added.
//!
//! Writing stands in [`write`], the log as people read it in [`read`].

pub mod read;
pub(crate) mod write;

use windfirm_model::{actor::Actor, audit::EventCode, environment::Environment, id::OperationId, id::RunId, path::AppPath};

pub use read::{AuditFilter, AuditSlice, EventFilter};
pub use write::{Attempt, Recorded};

/// Where events stand that concern the whole portal: only who may read the audit log of everything sees them.
pub(crate) const PORTAL_PATH: &str = "/";
pub(crate) const PORTAL_ENVIRONMENT: &str = "*";

/// For errors about rows of this family.
pub(crate) const TABLE: &str = "audit_events";

/// What an operation carried beyond its permit. Nothing secret belongs in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub request_id: Option<String>,
    /// Browser and address in short.
    pub client: Option<String>,
    /// Why the person wanted it, in their words.
    pub reason: Option<String>,
    /// Commit of the tree that it was decided on.
    pub commit: Option<String>,
    /// Name, value.
    pub facts: Vec<(String, String)>,
}

/// An intent that has no outcome: left by a crash, or still under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    pub seq: i64,
    pub operation: OperationId,
    pub at: windfirm_model::clock::Timestamp,
    pub code: EventCode,
    pub actor_key: String,
    pub run: Option<RunId>,
}

/// Who did something, where, as the rows keep it.
pub(crate) struct Event<'a> {
    pub(crate) operation: OperationId,
    pub(crate) code: EventCode,
    pub(crate) actor: &'a Actor,
    pub(crate) path: Option<&'a AppPath>,
    pub(crate) environment: Option<&'a Environment>,
    pub(crate) run: Option<RunId>,
    pub(crate) grant: Option<&'a windfirm_policy::GrantUse>,
    /// Whom it is done as in a cluster.
    pub(crate) service_account: Option<&'a str>,
    pub(crate) policy_digest: &'a str,
    pub(crate) details: &'a Details,
}
