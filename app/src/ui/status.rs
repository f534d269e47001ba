//! Status: one shape, one word, one colour, always together.

use leptos::prelude::*;
use windfirm_model::{environment::Environment, run::RunStateKind, verdict::Outcome, view::run::Permission};

use super::icon::icon;

/// The closed vocabulary of colours and shapes. The word beside it may be more exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Pass,
    Fail,
    Inconclusive,
    Running,
    Locked,
    Unknown,
}

impl Tone {
    /// The class that gives `--ink` and `--wash`.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Running => "running",
            Self::Locked => "locked",
            Self::Unknown => "unknown",
        }
    }
    /// Its shape in the sprite.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Pass => "s-pass",
            Self::Fail => "s-fail",
            Self::Inconclusive => "s-inconclusive",
            Self::Running => "s-running",
            Self::Locked => "s-locked",
            Self::Unknown => "s-unknown",
        }
    }
    /// How a run of this state looks.
    #[must_use]
    pub const fn of_run(state: RunStateKind) -> Self {
        match state {
            RunStateKind::Passed => Self::Pass,
            RunStateKind::Failed | RunStateKind::Errored => Self::Fail,
            RunStateKind::Inconclusive | RunStateKind::Lost => Self::Inconclusive,
            RunStateKind::Cancelled => Self::Unknown,
            RunStateKind::Waiting
            | RunStateKind::Queued
            | RunStateKind::Starting
            | RunStateKind::Running
            | RunStateKind::Finishing
            | RunStateKind::Cancelling => Self::Running,
        }
    }
    #[must_use]
    pub const fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Fail => Self::Fail,
            Outcome::Inconclusive => Self::Inconclusive,
        }
    }
}

/// The word of a run's state on pages: verdicts in the present tense, the rest as it stands.
#[must_use]
pub const fn run_word(state: RunStateKind) -> &'static str {
    match state {
        RunStateKind::Passed => "pass",
        RunStateKind::Failed => "fail",
        other => other.word(),
    }
}

/// Icon and word in the colour of the status.
#[must_use]
pub fn status(tone: Tone, word: impl Into<String>) -> AnyView {
    marked(format!("st {}", tone.class()), tone, word.into())
}

/// The same with a quiet word: for counts and yes or no.
#[must_use]
pub fn status_plain(tone: Tone, word: impl Into<String>) -> AnyView {
    marked(format!("st {} plain", tone.class()), tone, word.into())
}

/// The same as large as a title: the answer of a page.
#[must_use]
pub fn status_big(tone: Tone, word: impl Into<String>) -> AnyView {
    marked(format!("st {} big", tone.class()), tone, word.into())
}

/// The state of a run.
#[must_use]
pub fn run_status(state: RunStateKind) -> AnyView {
    status(Tone::of_run(state), run_word(state))
}

/// The last state of an app; `None` is “never run”.
#[must_use]
pub fn last_status(state: Option<RunStateKind>) -> AnyView {
    state.map_or_else(|| status_plain(Tone::Unknown, "never run"), run_status)
}

fn marked(class: String, tone: Tone, word: String) -> AnyView {
    let spins = tone == Tone::Running;
    view! {
        <span class=class>
            <svg class=if spins { "i spin" } else { "i" } aria-hidden="true">
                <use href=format!("#i-{}", tone.icon()) />
            </svg>
            <span class="w">{word}</span>
        </span>
    }
    .into_any()
}

/// The environment: an outline that grows heavier towards production.
#[must_use]
pub fn environment(environment: &Environment) -> AnyView {
    let name = environment.to_string();
    let class = match name.as_str() {
        "dev" | "development" => "tag dev",
        "prod" | "production" => "tag prod",
        _ => "tag",
    };
    view! { <span class=class>{name}</span> }.into_any()
}

/// A quiet fact about a thing.
#[must_use]
pub fn tag(text: impl Into<String>) -> AnyView {
    view! { <span class="tag">{text.into()}</span> }.into_any()
}

/// The sync wave of an app.
#[must_use]
pub fn wave(number: i32) -> AnyView {
    view! { <span class="wave" title=format!("Sync wave {number}")><span class="vh">"wave "</span>{number.to_string()}</span> }.into_any()
}

/// What takes the place of a control that somebody may not use: padlock and word. The why stands beside it, as a title too.
#[must_use]
pub fn locked(permission: &Permission) -> AnyView {
    view! {
        <span class="st locked" title=permission.why.clone()>
            {icon("s-locked")} <span class="w">"locked"</span>
        </span>
    }
    .into_any()
}

/// How many are hidden; never which.
#[must_use]
pub fn hidden(count: u32) -> AnyView {
    view! { <span class="nb">{icon("hidden")} {format!(" {count} hidden")}</span> }.into_any()
}
