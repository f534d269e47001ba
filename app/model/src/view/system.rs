//! The state of the portal itself, for platform engineers; `/health/ready` tells the same in short.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    view::{access::PolicyVersion, tree::TreeRevision},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPage {
    pub version: String,
    pub parts: Vec<PartRow>,
    pub tree: TreeRevision,
    pub policy: PolicyVersion,
    pub queue_length: u32,
    pub running: u32,
    pub slots: u32,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// `store`, `k6`, `landlock`, `tree`, `policy`, `identity: https://…`.
    pub name: String,
    pub healthy: bool,
    pub sentence: String,
}
