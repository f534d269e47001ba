//! A run and its executions: the state machine.
//!
//! `queued → starting → running → finishing → passed | failed | inconclusive`; from any live state
//! `→ cancelling → cancelled`, `→ lost`, `→ errored`. A run that is to start when a Secret changes is `waiting` before it is
//! `queued`. Approval stands before `queued` and is not here yet.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, verdict::Outcome};

/// Why a run could not be carried out. The cause is stored with the state; `words` turns it into what people read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Cause {
    /// The executor could not start k6 at all.
    StartFailed { message: String },
    /// The policy changed while the run waited in the queue, and the new one refuses it.
    NotAllowed { why: String },
    /// k6 refused the script or its options (exit 104, or before the first iteration).
    ScriptInvalid { message: String },
    /// The script threw while loading or in setup (exit 107, 100, 101).
    ScriptException { exit_code: i32, message: String },
    /// The script ended itself (`test.abort()`, exit 108; `exec.test.fail()`, exit 110).
    ScriptAborted { exit_code: i32, message: String },
    /// It ran past its deadline and was ended.
    DeadlinePassed { limit_s: u32 },
    /// k6 was ended from outside: a signal, or the kernel when memory ran out.
    Killed { signal: i32 },
    /// k6 panicked, or ended with a code that we do not know.
    Crashed { exit_code: i32, message: String },
    /// The script wrote or measured more than a run may; named bound, and what was reached.
    BoundExceeded { bound: String, reached: String },
    /// k6 ran more virtual users than it had said it would when the launch was judged.
    TooManyVus { limit: u32, reached: u64 },
    /// The cluster does not let the run be carried out any more: its service account is gone or another one, or a right was taken away.
    RefusedByCluster { why: String },
}

impl Cause {
    /// What happened, what it means and what to do.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::StartFailed { message } => {
                format!("k6 could not be started: {message} Nothing was sent to the target. Tell the platform team, or try again.")
            }
            Self::NotAllowed { why } => {
                format!(
                    "The policy changed while this run waited, and it may not start any more: {why} Nothing was sent to the target. Run it again to see what the policy of now says."
                )
            }
            Self::ScriptInvalid { message } => {
                format!("k6 refuses the script or its options: {message} Mend the script in Git, then run again.")
            }
            Self::ScriptException { exit_code, message } => {
                format!("The script threw an error outside its iterations (k6 exit code {exit_code}): {message} Read the log, mend the script, run again.")
            }
            Self::ScriptAborted { exit_code, message } => {
                format!("The script ended the test by itself (k6 exit code {exit_code}): {message} The results up to that moment stand below.")
            }
            Self::RefusedByCluster { why } => {
                format!(
                    "The cluster refused in the middle of the run: {why} The runners were told to stop. What they had delivered is kept, and decides nothing."
                )
            }
            Self::DeadlinePassed { limit_s } => {
                format!("The run did not end within {limit_s} s and was stopped. Shorten the script, or ask for a longer limit in the guardrails.")
            }
            Self::Killed { signal } => format!(
                "k6 was ended by signal {signal}{}. The results up to that moment stand below; they do not decide anything.",
                if *signal == 9 { ", as happens when memory runs out" } else { "" }
            ),
            Self::Crashed { exit_code, message } => {
                format!("k6 ended with code {exit_code}, which is not a normal end: {message} Read the log; if it is k6's own fault, its issue list helps.")
            }
            Self::BoundExceeded { bound, reached } => {
                format!("The run was stopped because it went over a bound: {bound}; it reached {reached}. Reduce what the script does, then run again.")
            }
            Self::TooManyVus { limit, reached } => format!(
                "The run was stopped because k6 had {reached} virtual users. It was launched with at most {limit}: so many the script said when the guardrails judged it. Its options change from one start to the next; make them fixed, or let a parameter set them, then run again."
            ),
        }
    }
}

/// Where a run stands. Each state carries what is known only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// For a Secret of its app's tests to change; until then it takes no place in the queue.
    Waiting {
        secret: String,
        /// When the Secret had last been changed at the launch; `None`: it was not there.
        changed: Option<Timestamp>,
        /// Its version then: the times of changes are whole seconds, so that one in the same second is told by this.
        #[serde(default)]
        version: String,
        /// Then it is called off.
        until: Timestamp,
    },
    Queued,
    /// The executor was told to start; `since` bounds how long that may take.
    Starting {
        since: Timestamp,
    },
    Running {
        since: Timestamp,
    },
    /// k6 has ended; the last frames and the summary are being settled.
    Finishing {
        since: Timestamp,
    },
    /// A person (or a bound) asked for the end; the executor is stopping it.
    Cancelling {
        since: Timestamp,
        by: String,
    },
    Passed,
    Failed,
    Inconclusive,
    Cancelled {
        by: String,
    },
    /// The runner is gone and left no end; what it had delivered is kept.
    Lost,
    Errored {
        cause: Cause,
    },
}

/// A state without its data: for columns, filters and colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStateKind {
    Waiting,
    Queued,
    Starting,
    Running,
    Finishing,
    Cancelling,
    Passed,
    Failed,
    Inconclusive,
    Cancelled,
    Lost,
    Errored,
}

impl RunStateKind {
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Finishing,
        Self::Cancelling,
        Self::Passed,
        Self::Failed,
        Self::Inconclusive,
        Self::Cancelled,
        Self::Lost,
        Self::Errored,
    ];
    /// The word in columns, URLs and on pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Finishing => "finishing",
            Self::Cancelling => "cancelling",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Errored => "errored",
        }
    }
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
    /// Whether the run still does or will do something.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Queued | Self::Starting | Self::Running | Self::Finishing | Self::Cancelling)
    }
    /// Whether nothing was begun for it yet: it is in no portal's hands, and takes no place.
    #[must_use]
    pub const fn is_before_start(self) -> bool {
        matches!(self, Self::Waiting | Self::Queued)
    }
    /// Whether it has ended and says something of its app. A run that somebody cancelled does not; one that broke or was lost should
    /// have, and that is told.
    #[must_use]
    pub const fn tells(self) -> bool {
        !self.is_live() && !matches!(self, Self::Cancelled)
    }
    /// Whether `next` may follow. The whole state machine stands in this one table.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use RunStateKind as K;
        match self {
            K::Waiting => matches!(next, K::Queued | K::Cancelled | K::Errored),
            K::Queued => matches!(next, K::Starting | K::Cancelled | K::Errored),
            K::Starting => matches!(next, K::Running | K::Finishing | K::Cancelling | K::Lost | K::Errored),
            K::Running => matches!(next, K::Finishing | K::Cancelling | K::Lost | K::Errored),
            K::Finishing => matches!(next, K::Passed | K::Failed | K::Inconclusive | K::Lost | K::Errored),
            K::Cancelling => matches!(next, K::Cancelled | K::Lost | K::Errored),
            K::Passed | K::Failed | K::Inconclusive | K::Cancelled | K::Lost | K::Errored => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot become {to}", from = from.word(), to = to.word())]
pub struct WrongTransition {
    pub from: RunStateKind,
    pub to: RunStateKind,
}

impl RunState {
    #[must_use]
    pub const fn kind(&self) -> RunStateKind {
        match self {
            Self::Waiting { .. } => RunStateKind::Waiting,
            Self::Queued => RunStateKind::Queued,
            Self::Starting { .. } => RunStateKind::Starting,
            Self::Running { .. } => RunStateKind::Running,
            Self::Finishing { .. } => RunStateKind::Finishing,
            Self::Cancelling { .. } => RunStateKind::Cancelling,
            Self::Passed => RunStateKind::Passed,
            Self::Failed => RunStateKind::Failed,
            Self::Inconclusive => RunStateKind::Inconclusive,
            Self::Cancelled { .. } => RunStateKind::Cancelled,
            Self::Lost => RunStateKind::Lost,
            Self::Errored { .. } => RunStateKind::Errored,
        }
    }
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.kind().is_live()
    }
    /// The next state, if the table allows it.
    pub fn into_next(self, next: Self) -> Result<Self, WrongTransition> {
        if self.kind().may_become(next.kind()) { Ok(next) } else { Err(WrongTransition { from: self.kind(), to: next.kind() }) }
    }
    #[must_use]
    pub const fn judged(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Passed,
            Outcome::Fail => Self::Failed,
            Outcome::Inconclusive => Self::Inconclusive,
        }
    }
}

/// What a launch changes of the script's own options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The script's own scenarios, untouched.
    #[default]
    Script,
    /// 1 VU for 10 s: does it work at all?
    Smoke,
    /// 10 VUs for 60 s, or what the parameters say.
    Load,
}

impl Profile {
    pub const ALL: [Self; 3] = [Self::Script, Self::Smoke, Self::Load];
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Smoke => "smoke",
            Self::Load => "load",
        }
    }
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.word() == word)
    }
    /// What it changes, for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Script => "The script’s own scenarios, nothing changed",
            Self::Smoke => "1 VU for 10 s in place of the script’s scenarios: does it work at all",
            Self::Load => "A steady load in place of the script’s scenarios: 10 VUs for 60 s, or what you set below",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_kind() -> impl Strategy<Value = RunStateKind> {
        proptest::sample::select(RunStateKind::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn an_ended_run_stays_as_it_is(from in any_kind(), to in any_kind()) {
            prop_assert!(from.is_live() || !from.may_become(to));
        }

        #[test]
        fn every_walk_ends(walk in proptest::collection::vec(any_kind(), 0..60)) {
            let mut at = RunStateKind::Waiting;
            let mut steps = 0;
            for next in walk {
                if at.may_become(next) {
                    at = next;
                    steps += 1;
                }
            }
            prop_assert!(steps <= 6, "no run takes more than six steps: waiting, queued, starting, running, finishing or cancelling, ended");
        }
    }

    #[test]
    fn from_every_live_state_an_end_can_be_reached() {
        for from in RunStateKind::ALL.into_iter().filter(|kind| kind.is_live()) {
            assert!(RunStateKind::ALL.into_iter().any(|to| !to.is_live() && from.may_become(to)), "{}", from.word());
        }
    }

    #[test]
    fn a_wrong_step_is_refused_in_words() {
        let refused = RunState::Passed.into_next(RunState::Queued).unwrap_err();
        assert_eq!(refused.to_string(), "a run that is passed cannot become queued");
    }
}
