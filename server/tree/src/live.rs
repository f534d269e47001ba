//! What Argo CD's own objects say: `Application`, `ApplicationSet` and `AppProject` as a cluster holds them.
//!
//! Pure: it knows neither Kubernetes clients nor watches. A watcher deserializes each object straight into one of these small
//! structs, names the cluster that it came from, and gives all of them to [`LiveForest::build`], which finds out which app makes
//! which. What is large in the objects (`status.resources`, `history[].source`, `managedFields`, the manifest in
//! `last-applied-configuration`) is read past, never kept.
//!
//! Nothing here is trusted more than it deserves: whoever may write an `Application` writes its annotations too, and whoever may
//! write into a repository decides what its parent lists. What that means for places, and so for grants, stands with [`crate::join`].

mod application;
mod bytes;
mod clusters;
mod event;
mod facts;
mod forest;
mod identity;
mod project;
mod set;
mod settled;
mod state;
mod tracking;
mod wire;

pub use application::LiveApplication;
pub use clusters::Clusters;
pub use event::{AppEvent, EventKind, events};
pub use facts::{AgainstGit, Live, LiveParent, LiveRevision};
pub use forest::{Edge, EdgeSource, ForestOptions, LiveForest, LiveObject, Node, NodeIndex, Parent};
pub use identity::{Identity, Marks, Owner};
pub use project::{LiveProject, Orphans, ProjectDestination, ProjectTrouble, SyncWindow, judge};
pub use set::LiveApplicationSet;
pub use settled::{Settled, Unsettled, settled};
pub use state::{Compared, Condition, Deployment, Health, HealthStatus, Listed, ListedStatus, Operation, Phase, ResourceCounts, SyncStatus};
pub use tracking::TrackingId;

/// Text that is kept for long: no spare capacity.
pub type Text = Box<str>;
