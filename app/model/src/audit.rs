//! Audit events: the closed list of codes, and how an operation ended.
//!
//! Every operation leaves two rows, an intent before and an outcome after (invariant 3). Rows are only ever added.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident = $code:literal, $sentence:literal;)+) => {
        /// What an audit row is about. Codes are stable: they may be added, never renamed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventCode {
            $(#[serde(rename = $code)] $variant,)+
        }
        impl EventCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|event| event.code() == code)
            }
        }
    };
}

codes! {
    Login = "session.login", "Somebody logged in.";
    LoginRefused = "session.login_refused", "A login did not succeed.";
    Logout = "session.logout", "Somebody logged out.";
    SessionEnd = "session.end", "Somebody ended one of their own sessions.";
    RunLaunch = "run.launch", "A run was asked for.";
    RunStop = "run.stop", "The end of a run was asked for.";
    RunStart = "run.start", "The supervisor told the executor to start.";
    RunSettle = "run.settle", "A run ended and its verdict was settled.";
    RunLost = "run.lost", "A run was given up, because its runner was gone.";
    RunRead = "run.read", "Somebody was refused the reading of a run.";
    LogRead = "run.log_read", "Somebody read the log of a run.";
    AuditRead = "audit.read", "Somebody read the audit log.";
    AccessExplain = "access.explain", "Somebody asked what another person may do.";
    PolicyLoad = "policy.load", "A policy came into force, or was refused.";
    TreeLoad = "tree.load", "The tree was read at another commit, or could not be read.";
    IngestRefused = "ingest.refused", "A delivery of measurements was refused.";
    Denied = "access.denied", "Somebody asked for a page or an action that they may not have.";
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// The intent stands; the outcome is not there yet.
    Open,
    Done,
    Denied,
    Failed,
    /// The outcome was lost in a crash and was settled afterwards, as far as that can be told.
    Reconciled,
}

impl EventOutcome {
    pub const ALL: [Self; 5] = [Self::Open, Self::Done, Self::Denied, Self::Failed, Self::Reconciled];
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Reconciled => "reconciled",
        }
    }
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}
