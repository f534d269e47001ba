//! What live clusters say of apps and accounts, and how old that is.
//!
//! Everything here is a forecast or a memory: the API server decides again at each call. Whatever a page shows of it, it shows with
//! its age.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, environment::Environment, path::AppPath};

/// How well a cluster is heard: how old its part of the tree is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it is the one whose Argo CD reads the repository of the tree.
    #[serde(default)]
    pub home: bool,
    /// When it last said anything, “nothing new” included; `None` if it has not been heard since the portal started.
    pub heard: Option<Timestamp>,
    /// Set while it cannot be read.
    #[serde(default)]
    pub away: Option<ClusterAway>,
    /// Whether all its objects were read once, so that what it does not have is known not to be there.
    pub complete: bool,
}

/// A cluster that cannot be read right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterAway {
    pub since: Timestamp,
    /// One sentence that may be told to everybody who sees an app of the cluster: no address, no token.
    pub why: String,
}

/// What the last preflight found of one service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFindings {
    /// `namespace/name`.
    pub account: String,
    /// Name of the cluster in the configuration.
    pub cluster: String,
    /// When the cluster was asked.
    pub asked: Timestamp,
    /// It exists, lacks nothing, and every question was answered.
    pub green: bool,
    /// Nothing is known to be wrong, and not every question was answered.
    #[serde(default)]
    pub unknown: bool,
    /// What is wrong: which verb on which resource in which namespace, what it breaks, who can mend it. Empty when green.
    #[serde(default)]
    pub sentences: Vec<String>,
    /// In the cluster's words, why the account may do what it may: the bindings.
    #[serde(default)]
    pub because: Vec<String>,
    /// The apps that the reader may see and whose launches it locks.
    #[serde(default)]
    pub breaks: Vec<AppPath>,
    /// Runs that go on as this account right now, of those that the reader may see.
    #[serde(default)]
    pub live_runs: u32,
    /// Runs that wait to be started as this account when a Secret changes, of those that the reader may see.
    #[serde(default)]
    pub waiting_runs: u32,
}

impl AccountFindings {
    /// Whether it would be missed by anything that the reader may see.
    #[must_use]
    pub fn breaks_something(&self) -> bool {
        !self.breaks.is_empty() || self.live_runs > 0 || self.waiting_runs > 0
    }
}

/// Where an app was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// In Git and in its cluster.
    InBoth,
    /// In Git, and not, or not yet, in its cluster.
    GitOnly,
    /// In its cluster, and not in the repository of the tree.
    ClusterOnly,
    /// In Git; its cluster has not told yet all that it holds.
    NotHeard,
}

/// `status.health.status` in Argo CD's words, from the best to the worst as Argo CD orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthWord {
    Healthy,
    Suspended,
    Progressing,
    Missing,
    Degraded,
    Unknown,
}

impl HealthWord {
    pub const ALL: [Self; 6] = [Self::Healthy, Self::Suspended, Self::Progressing, Self::Missing, Self::Degraded, Self::Unknown];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspended => "suspended",
            Self::Progressing => "progressing",
            Self::Missing => "missing",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
        }
    }
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.word() == word)
    }
}

/// `status.sync.status` in Argo CD's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncWord {
    Synced,
    OutOfSync,
    Unknown,
}

impl SyncWord {
    pub const ALL: [Self; 3] = [Self::Synced, Self::OutOfSync, Self::Unknown];

    /// As it stands in an address.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::OutOfSync => "out-of-sync",
            Self::Unknown => "unknown",
        }
    }
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::OutOfSync => "out of sync",
            Self::Unknown => "sync unknown",
        }
    }
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sync| sync.code() == code)
    }
}

/// What runs, beside the commit that the tree was read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgainstGit {
    /// The very commit of the tree.
    Same,
    /// Another commit of the tree's repository, older or newer.
    Other,
    /// Nothing of the tree's repository: there is nothing to compare.
    Incomparable,
}

/// Whether an app stands still, as what Git asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "settled", rename_all = "snake_case")]
pub enum Settled {
    Yes,
    /// All that is in the way, a sentence each, at least one.
    No {
        reasons: Vec<String>,
    },
}

/// How an app stands in its cluster, in as few words as a row has room for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveState {
    pub found: Found,
    /// `None` where no cluster has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthWord>,
    /// `None` where no cluster has it, and for an `ApplicationSet`, which deploys nothing itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncWord>,
    /// `None` as for `sync`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// The source that runs; where an app has several, the first one of the tree's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionRow>,
    /// Set while its cluster is away: when that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// A revision of one source that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRow {
    pub repository: String,
    /// Id of a commit, or version of a chart, whole; `None` if nothing of it was deployed yet.
    pub deployed: Option<String>,
    pub against_git: AgainstGit,
}

/// Everything that a cluster says of an app and that the reader may know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveFacts {
    pub state: LiveState,
    /// What only an app that a cluster has can have.
    pub told: Option<Box<LiveTold>>,
}

/// What a cluster tells of an app that it has. Messages may name apps that the reader may not see: they are here only for those who
/// may see everything directly below the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveTold {
    /// The cluster that tells it, by its name in the configuration.
    pub cluster: String,
    /// Where the app is really deployed to.
    pub destination_cluster: String,
    pub destination_namespace: String,
    /// The environment of that place.
    pub environment: Environment,
    pub environment_why: String,
    /// How Git and cluster differ about this app, a sentence each.
    pub disagreements: Vec<String>,
    /// Which app makes it in the cluster, and what tells so, in words.
    pub provenance: Option<String>,
    /// When Argo CD last looked at it.
    pub reconciled: Option<Timestamp>,
    /// When somebody asked to delete it.
    pub deleting: Option<Timestamp>,
    pub health_since: Option<Timestamp>,
    pub health_message: Option<String>,
    /// One for each source.
    pub revisions: Vec<RevisionRow>,
    pub images: Vec<String>,
    /// Addresses as Argo CD found them. Anybody who may write an `Ingress` writes them: link only what is `http` or `https`.
    pub urls: Vec<String>,
    pub operation: Option<OperationFacts>,
    /// A sync is asked for, and may not have begun.
    pub operation_asked: bool,
    /// The last whole syncs that succeeded, newest first.
    pub deployments: Vec<DeploymentRow>,
    pub conditions: Vec<ConditionRow>,
    /// Resources that it deploys, and how many of them are not in sync.
    pub resources: u32,
    pub resources_out_of_sync: u32,
    /// There are messages that the reader may not read.
    pub messages_withheld: bool,
}

/// The newest operation, nearly always a sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationFacts {
    /// Argo CD's own word: `Running`, `Succeeded`, `Failed`, `Error`, `Terminating`, `Unknown`.
    pub phase: String,
    pub message: Option<String>,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    /// Who asked for it; `None` for Argo CD itself.
    pub by: Option<String>,
    /// Only some resources were synced.
    pub partial: bool,
    pub retries: u32,
    pub revisions: Vec<String>,
}

/// What follows for an app from its project in Argo CD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFacts {
    /// As the Application names it.
    pub name: String,
    /// Set where nothing is known of the project: why.
    pub unknown: Option<String>,
    pub findings: Vec<ProjectFinding>,
    pub orphans: OrphansWord,
}

/// One thing that somebody who looks at the app should know of its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFinding {
    pub sentence: String,
    /// Argo CD says the same, or it is a matter of the clock alone. Else Argo CD has not said it, and may know more.
    pub confirmed: bool,
    /// For a window: when it closes at the earliest.
    pub at_least_until: Option<Timestamp>,
}

/// Whether Argo CD looks for resources that no app of the project deploys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrphansWord {
    #[default]
    NotLookedFor,
    LookedFor,
    WarnedOf,
}

/// A whole sync that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRow {
    pub at: Option<Timestamp>,
    /// Who asked for it; `None` for Argo CD itself.
    pub by: Option<String>,
    /// One for each source, whole.
    pub revisions: Vec<String>,
}

/// An error or warning of Argo CD on the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionRow {
    /// Such as `ComparisonError`.
    pub kind: String,
    /// `None` where the reader may not read it.
    pub message: Option<String>,
}

impl ClusterState {
    /// Whether what it said may be old.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        self.away.is_some()
    }
}

impl LiveState {
    /// Why the app is not settled; nothing where it is, or where that is no question.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        match &self.settled {
            Some(Settled::No { reasons }) => reasons,
            Some(Settled::Yes) | None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_an_address_is_read_back() {
        assert!(HealthWord::ALL.into_iter().all(|health| HealthWord::parse(health.word()) == Some(health)));
        assert!(SyncWord::ALL.into_iter().all(|sync| SyncWord::parse(sync.code()) == Some(sync)));
        assert_eq!((HealthWord::parse("Healthy"), SyncWord::parse("OutOfSync")), (None, None));
    }

    #[test]
    fn older_data_without_the_newer_fields_can_be_read() {
        let cluster: ClusterState = serde_json::from_str(r#"{"name": "home", "heard": 5, "complete": true}"#).unwrap();
        assert_eq!(cluster, ClusterState { name: "home".into(), home: false, heard: Some(Timestamp(5)), away: None, complete: true });
        let findings: AccountFindings = serde_json::from_str(r#"{"account": "a/b", "cluster": "home", "asked": 5, "green": true}"#).unwrap();
        assert!(findings.sentences.is_empty() && findings.breaks.is_empty() && findings.live_runs == 0);
    }
}
