//! The home page: what needs this person, what is live, their part of the tree, and one way to a run.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, environment::Environment, path::AppPath, view::runs::RunRow};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Home {
    /// The newest ended run of an app, where it did not pass.
    pub failing: Vec<RunRow>,
    pub live: Vec<RunRow>,
    pub recent: Vec<RunRow>,
    pub subtrees: Vec<SubtreeRow>,
    /// Apps with a test that the person may launch now, most recently used first; the second click is on the launch form.
    pub ready: Vec<ReadyTest>,
    /// How many more tests there are that the person may run.
    pub ready_more: u32,
    pub apps: u32,
    pub hidden: u32,
    /// No tree could be read since the portal started, so there are no apps; `partial` says why.
    pub unread: bool,
    /// Set when the tree or another part cannot be read: what is missing and how old the rest is.
    pub partial: Option<String>,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtreeRow {
    pub path: AppPath,
    pub environment: Environment,
    pub apps: u32,
    pub passed: u32,
    pub failed: u32,
    pub inconclusive: u32,
    pub live: u32,
    pub never_run: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyTest {
    pub path: AppPath,
    pub environment: Environment,
    pub test: String,
    pub service_account: String,
}
