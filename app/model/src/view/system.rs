//! The state of the portal itself, for platform engineers; `/health/ready` tells the same in short.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    view::{access::PolicyVersion, cluster::ClusterAway, tree::TreeRevision},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPage {
    pub version: String,
    pub parts: Vec<PartRow>,
    pub tree: TreeRevision,
    pub policy: PolicyVersion,
    pub queue_length: u32,
    /// Runs on the portal's own machine, and how many it carries out at a time.
    pub running: u32,
    pub slots: u32,
    /// Those in which runs are carried out. Empty where there is none.
    #[serde(default)]
    pub clusters: Vec<AskedCluster>,
    pub now: Timestamp,
}

/// A cluster that is asked again and again what the service accounts of the policy may do there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedCluster {
    /// Its name in the configuration.
    pub name: String,
    /// Set while it cannot be reached.
    #[serde(default)]
    pub away: Option<ClusterAway>,
    /// Runs that are carried out there, and how many may be at a time.
    #[serde(default)]
    pub running: u32,
    #[serde(default)]
    pub slots: u32,
    /// When it was asked last; `None`: not yet.
    pub asked: Option<Timestamp>,
    pub took_ms: u64,
    /// Questions that were sent.
    pub questions: u64,
    pub accounts: u32,
    /// Accounts that are not there or lack something.
    pub lacking: u32,
    /// Accounts of which some question has no answer, and that lack nothing as far as it is known.
    #[serde(default)]
    pub unknown: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// `store`, `k6`, `landlock`, `tree`, `policy`, `identity: https://…`.
    pub name: String,
    pub healthy: bool,
    pub sentence: String,
}
