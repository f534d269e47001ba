//! One `AppProject`: where its apps may go, who may write them, and when.

use std::sync::Arc;

use serde::Deserialize;

mod judged;
mod window;

pub use judged::{ProjectTrouble, judge};

use super::{
    Identity, Text,
    wire::{
        Few, gathered,
        meta::{Head, Meta},
        or_default,
    },
};

/// Of each list. Nobody writes more by hand.
const MOST: usize = 500;

/// What is kept of an `AppProject`. Deserialize it straight from the object, then name its cluster with [`Self::read_from`].
///
/// # Errors
/// As for [`super::LiveApplication`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct LiveProject {
    pub id: Identity,
    pub description: Text,
    /// Patterns; one that begins with `!` takes away.
    pub source_repositories: Box<[Text]>,
    /// Namespaces whose Applications may name this project, beside the one of Argo CD itself. Patterns.
    pub source_namespaces: Box<[Text]>,
    pub destinations: Box<[ProjectDestination]>,
    pub sync_windows: Box<[SyncWindow]>,
    /// Whether Argo CD looks for resources in the namespaces of the project's apps that none of them deploys.
    pub orphans: Orphans,
}

/// `spec.orphanedResources`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They are not looked for: that none is told says nothing.
    #[default]
    NotLookedFor,
    /// They are looked for, and nobody is warned.
    LookedFor,
    /// Apps bear an `OrphanedResourceWarning` where there are some.
    WarnedOf,
}

impl LiveProject {
    /// The same project, known to come from this cluster (its name in the configuration).
    #[must_use]
    pub fn read_from(mut self, cluster: &Arc<str>) -> Self {
        self.id.cluster = Arc::clone(cluster);
        self
    }
}

/// Where apps of a project may be deployed to: patterns, empty if not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ProjectDestination {
    #[serde(deserialize_with = "or_default")]
    pub server: Text,
    #[serde(deserialize_with = "or_default")]
    pub name: Text,
    #[serde(deserialize_with = "or_default")]
    pub namespace: Text,
}

/// When apps may be synced, or may not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(deserialize_with = "or_default")]
    pub kind: Text,
    /// A cron expression, in [`Self::time_zone`].
    #[serde(deserialize_with = "or_default")]
    pub schedule: Text,
    /// Such as `1h30m`.
    #[serde(deserialize_with = "or_default")]
    pub duration: Text,
    /// Empty for UTC.
    #[serde(deserialize_with = "or_default")]
    pub time_zone: Text,
    /// Patterns of names of apps.
    #[serde(deserialize_with = "or_default")]
    pub applications: Box<[Text]>,
    /// Patterns of namespaces that apps are deployed to.
    #[serde(deserialize_with = "or_default")]
    pub namespaces: Box<[Text]>,
    /// Patterns of clusters that apps are deployed to.
    #[serde(deserialize_with = "or_default")]
    pub clusters: Box<[Text]>,
    /// Whether syncing by hand is allowed all the same.
    #[serde(deserialize_with = "or_default")]
    pub manual_sync: bool,
    /// Whether an app must match all three lists that are not empty; else one of them is enough.
    #[serde(deserialize_with = "or_default")]
    pub and_operator: bool,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    spec: WireSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireSpec {
    #[serde(deserialize_with = "or_default")]
    description: Text,
    #[serde(deserialize_with = "gathered")]
    source_repos: Few<MOST>,
    #[serde(deserialize_with = "gathered")]
    source_namespaces: Few<MOST>,
    #[serde(deserialize_with = "or_default")]
    destinations: Vec<ProjectDestination>,
    #[serde(deserialize_with = "or_default")]
    sync_windows: Vec<SyncWindow>,
    orphaned_resources: Option<WireOrphans>,
}

#[derive(Deserialize)]
struct WireOrphans {
    warn: Option<bool>,
}

impl From<Option<WireOrphans>> for Orphans {
    fn from(wire: Option<WireOrphans>) -> Self {
        match wire {
            None => Self::NotLookedFor,
            // Argo CD warns unless it is told not to.
            Some(WireOrphans { warn: None | Some(true) }) => Self::WarnedOf,
            Some(WireOrphans { warn: Some(false) }) => Self::LookedFor,
        }
    }
}

impl From<Wire> for LiveProject {
    fn from(Wire { metadata, spec }: Wire) -> Self {
        Self {
            id: Head::from(metadata).id,
            description: spec.description,
            source_repositories: spec.source_repos.0.into(),
            source_namespaces: spec.source_namespaces.0.into(),
            destinations: spec.destinations.into_iter().take(MOST).collect(),
            sync_windows: spec.sync_windows.into_iter().take(MOST).collect(),
            orphans: spec.orphaned_resources.into(),
        }
    }
}
