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
    Login = "session.login", "Logging in.";
    LoginRefused = "session.login_refused", "A login that did not succeed.";
    Logout = "session.logout", "Logging out.";
    SessionEnd = "session.end", "Ending one of one's own sessions.";
    RunLaunch = "run.launch", "Launching a run.";
    RunQueue = "run.queue", "Queueing a run whose Secret has changed.";
    RunStop = "run.stop", "Stopping a run.";
    RunStart = "run.start", "Telling the executor to start.";
    RunSettle = "run.settle", "Settling the verdict of a run that has ended.";
    RunLost = "run.lost", "Giving up a run whose runner is gone.";
    RunTakeOver = "run.take_over", "Going on with a run whose portal is gone.";
    RunClean = "run.clean", "Removing what an ended run has left in a cluster.";
    RunRead = "run.read", "Reading a run.";
    LogRead = "run.log_read", "Reading the log of a run.";
    AuditRead = "audit.read", "Reading the audit log.";
    AccessExplain = "access.explain", "Asking what another person may do.";
    PreflightAsk = "preflight.ask", "Asking the clusters now what the service accounts may do.";
    PolicyLoad = "policy.load", "Putting a policy into force.";
    TreeLoad = "tree.load", "Reading the tree at another commit.";
    SecretLoad = "secret.load", "Putting another value of a secret into force.";
    IngestRefused = "ingest.refused", "A delivery of measurements that was refused.";
    Denied = "access.denied", "A page or an action that is not theirs.";
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
