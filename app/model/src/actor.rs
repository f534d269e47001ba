//! Who acts: a person, or a named system task. (CI identities follow.)

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity key of a person is (`iss`, `sub`), never the e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonKey {
    pub issuer: String,
    pub subject: String,
}

impl fmt::Display for PersonKey {
    /// The form that policies use: `https://idp.example|abc`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.issuer, self.subject)
    }
}

/// What the identity provider said of a person's groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    Known(Vec<String>),
    /// Missing, of a wrong type, or too many to be sent. Grants nothing; the text says why, for people.
    Unknown(String),
}

impl Groups {
    #[must_use]
    pub fn known(&self) -> &[String] {
        match self {
            Self::Known(names) => names,
            Self::Unknown(_) => &[],
        }
    }
}

/// A system task is a named actor too: nothing happens as nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemTask {
    /// Starts what is queued, watches what runs, settles what ended.
    RunSupervisor,
    /// Stores what the runners deliver.
    Ingest,
    /// Closes audit intents whose outcome was lost in a crash.
    AuditReconciler,
    /// Removes sessions that have run out.
    SessionCleaner,
    /// Reads tree and policy again.
    Reloader,
    /// Keeps what Argo CD deployed, as its clusters tell.
    ClusterWatcher,
}

impl SystemTask {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunSupervisor => "run-supervisor",
            Self::Ingest => "ingest",
            Self::AuditReconciler => "audit-reconciler",
            Self::SessionCleaner => "session-cleaner",
            Self::Reloader => "reloader",
            Self::ClusterWatcher => "cluster-watcher",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    Person { key: PersonKey, name: String, groups: Groups },
    System { task: SystemTask },
}

impl Actor {
    /// For people: a name, never an address.
    #[must_use]
    pub fn display_name(&self) -> &str {
        match self {
            Self::Person { name, .. } => name,
            Self::System { task } => task.name(),
        }
    }
    /// For comparing and storing: `iss|sub`, or `system|task`.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Person { key, .. } => key.to_string(),
            Self::System { task } => format!("system|{}", task.name()),
        }
    }
}
