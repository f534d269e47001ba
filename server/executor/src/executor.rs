//! The contract between the portal and whatever carries out executions.
//!
//! Every function may be called again after a crash at any moment: nothing is started twice, and reading changes nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use windfirm_measure::frame::Frame;
use windfirm_model::{
    clock::Timestamp,
    id::ExecutionId,
    run::Cause,
    view::run::{Confinement, LogPage, RunEvent},
};
use windfirm_policy::{Permit, act::SuperviseRuns};

use crate::orders::Orders;

/// How the reason of a stop begins that is the deadline of a run, where nobody but the portal keeps it.
pub const PAST_DEADLINE: &str = "The run did not end within";

/// Why the executor could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    #[error("the orders cannot be carried out: {0}")]
    Orders(String),
    #[error("there is no execution {0} here")]
    Absent(ExecutionId),
    #[error("the execution {0} still goes on; stop it first")]
    StillGoing(ExecutionId),
    #[error("{what}: {source}")]
    File { what: String, source: std::io::Error },
    #[error("{what} cannot be read: {source}")]
    Json { what: String, source: serde_json::Error },
    #[error("the runner cannot be started: {0}")]
    Spawn(std::io::Error),
    #[error("the work was cut short: {0}")]
    Cut(String),
    /// What a cluster said, in its own words. `passing`: trying again later may help, without anybody mending anything.
    #[error("{message}")]
    Cluster { message: String, passing: bool, audit_id: Option<String> },
}

impl ExecutorError {
    /// Whether trying again later may help, without anybody mending anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Cluster { passing: true, .. })
    }
}

/// Names a started execution; can be stored and read back after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "executor", rename_all = "snake_case")]
pub enum Handle {
    Local {
        execution: ExecutionId,
    },
    /// A TestRun of k6-operator.
    Kubernetes {
        cluster: String,
        namespace: String,
        name: String,
    },
}

/// Where an execution stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observation {
    /// Nobody ever ordered it here, or not to the end, or it was cleaned up.
    Absent,
    /// Ordered; k6 does not run yet.
    Starting {
        /// What it waits for, in a sentence, where that is known and may take a while.
        #[serde(default)]
        waits_for: Option<String>,
    },
    Running {
        /// When k6 began: its process was started, or was told to go.
        k6_started: Timestamp,
        confinement: Confinement,
        /// What has happened to its runners so far. The same events come each time.
        #[serde(default)]
        events: Vec<RunEvent>,
    },
    /// k6 has ended and all that it measured is in the spool.
    Ended(Box<ExitReport>),
    /// The runner is gone and left no end. What it had spooled is still there.
    Lost,
}

/// Who or what ended k6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Ending {
    /// k6 ended by itself, well or not.
    Itself,
    /// [`Executor::stop`].
    Stopped { reason: String },
    /// The portal answered a frame with “stop”.
    Portal { message: String },
    /// The orders' deadline.
    Deadline { limit_s: u32 },
    /// A bound of [`crate::orders::Limits`].
    Bound { bound: String, reached: String },
    /// More virtual users than [`Orders::max_vus`].
    TooManyVus { limit: u32, reached: u64 },
    /// Some of several runners died and the others went on: there are measurements, and they decide nothing unless the policy says so.
    RunnersLost {
        words: String,
        #[serde(default)]
        lost: u32,
        #[serde(default)]
        of: u32,
        /// Whether the others came to their own end, as if nothing had happened.
        #[serde(default)]
        others_whole: bool,
        /// The sum of what the others counted, in the form of [`ExitReport::summary`]; `None` unless each of them left it.
        #[serde(default)]
        others_counted: Option<serde_json::Value>,
    },
    /// k6 was never started.
    NotStarted,
}

/// How one k6 ended, and what it counted itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitReport {
    pub ending: Ending,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// When k6 was started (or should have been).
    pub started: Timestamp,
    pub ended: Timestamp,
    /// When the first frame came, if any did.
    pub first_frame: Option<Timestamp>,
    /// `None`: an ordinary end. A wanted stop (by a person, by the portal) has no cause either: `ending` tells it.
    pub cause: Option<Cause>,
    /// The file of `--summary-export`, when k6 left one: what completeness is judged by.
    pub summary: Option<serde_json::Value>,
    /// Frames in the spool.
    pub frames: u64,
    pub log_lines: u64,
    /// Log lines that were not kept, because the log went over its bound.
    pub log_dropped: u64,
    /// Errors that the script threw and did not catch; k6 ends with code 0 in spite of them. Counted, not read from the log.
    #[serde(default)]
    pub script_errors: u64,
    /// What k6 sent and we could not take, by name of the reason. Empty is good.
    pub dropped: Vec<(String, u64)>,
    /// Values that were masked before anything was written.
    pub masked: u64,
    pub confinement: Confinement,
    /// What has happened to its runners, for the timeline.
    #[serde(default)]
    pub events: Vec<RunEvent>,
}

impl ExitReport {
    /// Of one whose k6 never began.
    #[must_use]
    pub const fn not_started(cause: Cause, at: Timestamp, confinement: Confinement) -> Self {
        Self {
            ending: Ending::NotStarted,
            exit_code: None,
            signal: None,
            started: at,
            ended: at,
            first_frame: None,
            cause: Some(cause),
            summary: None,
            frames: 0,
            log_lines: 0,
            log_dropped: 0,
            script_errors: 0,
            dropped: Vec::new(),
            masked: 0,
            confinement,
            events: Vec::new(),
        }
    }
}

/// Carries out executions.
///
/// Every function wants the supervisor's permit for the run: who carries out runs in a cluster does it as the account that the permit names.
#[async_trait]
pub trait Executor: Send + Sync + std::fmt::Debug {
    /// What [`Executor::start`] will call the execution. Known beforehand, so that it can be stored before anything is started.
    fn handle(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<Handle, ExecutorError>;
    /// How long it may take from the order to a running k6, seconds.
    fn start_limit_s(&self) -> u32;
    /// Starts the execution that the orders name, unless it was started before: then it only says so again.
    async fn start(&self, permit: &Permit<SuperviseRuns>, orders: &Orders) -> Result<Handle, ExecutorError>;
    /// Where it stands. Never fails for a state, only when the state cannot be read.
    async fn observe(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<Observation, ExecutorError>;
    /// Says why an execution was asked to end, to whoever carries it out in a process that did not ask. One that keeps it elsewhere knows.
    async fn recall(&self, _execution: ExecutionId, _reason: &str) {}
    /// Asks k6 to end: its teardown runs, its last measurements come. Asking twice is asking once.
    async fn stop(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId, reason: &str) -> Result<(), ExecutorError>;
    /// Ends an execution that listens to nobody any more, with everything that belongs to it, at once. It leaves no end: it is lost.
    async fn kill(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<(), ExecutorError>;
    /// Spooled frames in order, without the first `after`; at most about 8 MB a call, so ask again until none come.
    async fn spooled_frames(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId, after: u64) -> Result<Vec<Frame>, ExecutorError>;
    /// Log lines in order, without the first `after`; at most 2,000 a call.
    async fn log(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId, after: u64) -> Result<LogPage, ExecutorError>;
    /// Removes everything of an execution that has ended or is lost. Removing what is not there is done already.
    async fn clean_up(&self, permit: &Permit<SuperviseRuns>, execution: ExecutionId) -> Result<(), ExecutorError>;
    /// All executions that left a trace where the permit reaches, oldest first: what to adopt after a restart.
    async fn find_all(&self, permit: &Permit<SuperviseRuns>) -> Result<Vec<ExecutionId>, ExecutorError>;
}
