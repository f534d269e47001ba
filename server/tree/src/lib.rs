//! The tree of apps: read from Git at a commit, joined to a graph, with the tests that belong to each app.
//!
//! [`git`] is the only part that touches the disk; everything else is pure and works on [`files::Files`].

pub mod address;
pub mod discovery;
pub mod error;
pub mod files;
pub mod git;
mod glob;
pub mod graph;
pub mod live;
pub mod manifest;
pub mod page;
pub mod yaml;

pub use address::Address;
pub use discovery::{Bundle, BundleError, TestScript, bundle};
pub use error::TreeError;
pub use files::{Files, MemoryFiles};
pub use git::{GitSource, Snapshot};
pub use graph::{App, AppIndex, AppKey, AppSource, Presence, Tree, TreeOptions, TreeProblem, join};
pub use live::{Clusters, ForestOptions, Live, LiveApplication, LiveApplicationSet, LiveForest, LiveProject};
pub use manifest::{Kind, Manifest, Source, SourceForm};
pub use page::{AppRuns, Asked, LastRun, live_facts, subtree_rows, tree_page, visible_and_hidden};
