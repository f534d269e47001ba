//! Secrets that the tests of an app get: names and ages, never what stands in them.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, id::RunId};

/// One Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    pub name: String,
    /// Variable of the tests, key in the Secret.
    pub keys: Vec<(String, String)>,
    /// The rules of the policy that say so.
    pub rules: Vec<String>,
    pub told: SecretTold,
    /// A run of the app that starts when it changes.
    #[serde(default)]
    pub waiting: Option<RunId>,
}

/// What the cluster says of it, to the account that a launch of the reader's acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SecretTold {
    /// Nobody was asked, and why.
    NotAsked { why: String },
    /// It is not there: a run that gets it does not start.
    Missing { why: String },
    /// It may not be looked at: in words, with the API server's own sentence.
    Refused { why: String },
    Known {
        /// The namespace of the account.
        namespace: String,
        created: Timestamp,
        changed: Timestamp,
        /// What changed it last, by the name that it gave itself; a tool, not a person.
        by: Option<String>,
        /// A copy of its values stands in its metadata, where `kubectl apply` puts it.
        copied: bool,
        since: Since,
    },
}

/// Whether it works since it was last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Since {
    /// This run of the app had it, was queued after the change, and passed.
    Passed { run: RunId, at: Timestamp },
    /// None did, yet.
    NotYet,
    /// Runs of the app are not the reader's to see.
    Hidden,
}
