//! What every page has around it: who is there, which places of the menu exist for them, what of theirs is live.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, id::RunId, path::AppPath};

/// The side bar. `None` of it tells about things that the person may not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub name: String,
    /// “shop-dev”, “platform”: the groups as the identity provider gave them.
    pub groups: Vec<String>,
    /// Set when groups are unknown: why, and what that means.
    pub groups_unknown: Option<String>,
    pub issuer: String,
    pub may_view_audit: bool,
    pub may_view_policy: bool,
    pub may_view_system: bool,
    /// Live runs that the person may see, newest first, at most five.
    pub live: Vec<LiveRun>,
    /// All live runs that the person may see.
    pub live_count: u32,
    /// True in `windfirm demo`: the page says so.
    pub demo: bool,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRun {
    pub id: RunId,
    pub path: AppPath,
    pub test: String,
    pub elapsed_s: u32,
    pub planned_s: Option<u32>,
    /// It has not begun yet.
    pub waits: bool,
}

/// One of the person's own sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// A handle that ends the session but does not open it.
    pub handle: String,
    pub current: bool,
    pub began: Timestamp,
    pub last_seen: Timestamp,
    pub ends: Timestamp,
    pub client: String,
}
