//! The audit log as leads and auditors read it: one line per operation, intent and outcome together.

use serde::{Deserialize, Serialize};

use crate::{audit::EventOutcome, clock::Timestamp, environment::Environment, id::RunId};

/// Filters as they stand in the URL; absent means any. Unknown words are refused, never ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    pub path: Option<String>,
    /// Part of a name.
    pub actor: Option<String>,
    /// A code, or its first part with `.*`.
    pub event: Option<String>,
    pub outcome: Option<String>,
    /// `YYYY-MM-DD`, UTC, both ends included.
    pub from: Option<String>,
    pub to: Option<String>,
    pub before: Option<String>,
    /// Entry whose detail is open.
    pub entry: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    pub query: AuditQuery,
    pub rows: Vec<AuditRow>,
    pub older: Option<String>,
    pub detail: Option<AuditDetail>,
    /// The paths whose events the asker may read.
    pub scope: Vec<String>,
    /// Code, sentence: what the filter offers.
    pub codes: Vec<(String, String)>,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Number of the intent row.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub code: String,
    pub sentence: String,
    pub path: Option<String>,
    pub environment: Option<Environment>,
    pub run: Option<RunId>,
    pub outcome: EventOutcome,
    pub outcome_at: Option<Timestamp>,
    /// Why it was denied or failed.
    pub why: Option<String>,
    pub service_account: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDetail {
    pub row: AuditRow,
    pub outcome_seq: Option<i64>,
    pub operation: String,
    pub actor_key: String,
    pub groups: Vec<String>,
    pub grant: Option<String>,
    pub role: Option<String>,
    pub policy_digest: Option<String>,
    pub commit: Option<String>,
    pub request_id: Option<String>,
    pub client: Option<String>,
    pub reason: Option<String>,
    /// Name, value: what else the operation carried, masked.
    pub facts: Vec<(String, String)>,
}
