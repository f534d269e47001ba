//! How an app stands, in Argo CD's own words.

use windfirm_model::clock::Timestamp;

use super::Text;
use crate::manifest::Kind;

/// `status.sync.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyncStatus {
    Synced,
    OutOfSync,
    /// Argo CD says so, or says nothing yet.
    #[default]
    Unknown,
}

/// `status.health.status`, from the best to the worst, as Argo CD orders them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HealthStatus {
    Healthy,
    Suspended,
    Progressing,
    Missing,
    Degraded,
    /// Argo CD says so, or says nothing yet.
    #[default]
    Unknown,
}

/// `status.health`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub status: HealthStatus,
    /// At most 300 bytes of it.
    pub message: Option<Text>,
    pub since: Option<Timestamp>,
}

/// `status.operationState.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Running,
    Terminating,
    Succeeded,
    Failed,
    Error,
    /// A word that is not known here.
    Unknown,
}

impl Phase {
    /// Whether nothing more will come of this operation.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Error)
    }
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Terminating => "Terminating",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Error => "Error",
            Self::Unknown => "Unknown",
        }
    }
}

/// The newest operation: `status.operationState`. It is away for a moment whenever an operation starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub phase: Phase,
    pub message: Option<Text>,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    /// Who asked for it; `None` for Argo CD itself.
    pub by: Option<Text>,
    /// Only some resources were synced: by hand, or to heal. It says nothing about the whole app and is not in the history.
    pub partial: bool,
    pub retries: u32,
    /// `syncResult.revisions`, else its `revision`. By source, as in [`super::LiveApplication::revisions`].
    pub revisions: Box<[Text]>,
}

/// An entry of `status.history`: a whole sync that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Counts up over the life of one object.
    pub id: i64,
    pub at: Option<Timestamp>,
    /// Who asked for it; `None` for Argo CD itself.
    pub by: Option<Text>,
    pub revisions: Box<[Text]>,
}

/// An entry of `status.conditions`: errors, that a resource belongs to several apps, and that there are some which no app deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Such as `ComparisonError`, `SharedResourceWarning`.
    pub kind: Text,
    pub message: Text,
}

/// Whether what Argo CD last compared is what the spec asks for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compared {
    /// Nothing was compared yet.
    #[default]
    Never,
    /// `comparedTo.source(s)` are those of the spec.
    SameSources,
    /// The spec was changed since.
    OtherSources,
}

/// `status` of an entry of `status.resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListedStatus {
    Synced,
    /// Also what waits to be pruned.
    OutOfSync,
    Unknown,
}

/// An app or set that another one lists among its resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub kind: Kind,
    /// Empty only if Argo CD left it out.
    pub namespace: Text,
    pub name: Text,
    pub status: ListedStatus,
    /// It is no longer in Git and waits to be deleted.
    pub pruning: bool,
}

/// All that is kept of the other resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceCounts {
    pub all: u32,
    pub out_of_sync: u32,
    /// Those whose health stands in the object and is worse than [`HealthStatus::Progressing`]. Argo CD since 3.0 leaves it out
    /// unless told otherwise: zero says nothing.
    pub unhealthy: u32,
}

impl SyncStatus {
    pub(super) fn read(word: &str) -> Self {
        match word {
            "Synced" => Self::Synced,
            "OutOfSync" => Self::OutOfSync,
            _ => Self::Unknown,
        }
    }
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        }
    }
}

impl HealthStatus {
    pub(super) fn read(word: &str) -> Self {
        match word {
            "Healthy" => Self::Healthy,
            "Suspended" => Self::Suspended,
            "Progressing" => Self::Progressing,
            "Missing" => Self::Missing,
            "Degraded" => Self::Degraded,
            _ => Self::Unknown,
        }
    }
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }
}

impl Phase {
    pub(super) fn read(word: &str) -> Self {
        match word {
            "Running" => Self::Running,
            "Terminating" => Self::Terminating,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Error" => Self::Error,
            _ => Self::Unknown,
        }
    }
}
