//! The answer of a run: verdict and reasons, or where it stands and what that means.

use leptos::prelude::*;
use windfirm_model::{run::RunState, verdict::Verdict, view::run::RunPage};

use super::{elapsed_s, head::clock_utc};
use crate::{
    live::Link,
    ui::{
        format::{full, stopwatch},
        icon::{icon, inked},
        status::{Tone, status, status_big},
        text::rich,
    },
};

/// Written as text: a browser with script does not build what stands in a `noscript`, so hydration must not look for it.
const RELOAD: &str = r#"<p class="note">Without script this page does not follow the run by itself. <a href="">Reload</a></p>"#;

/// The answer as a block. Nothing while the run simply runs: then the progress is the answer.
pub(super) fn answer(page: &RunPage) -> AnyView {
    let judged = |tone, word: &'static str, verdict: Option<&Verdict>, fallback: &str| {
        let reasons = verdict.map(|verdict| verdict.reasons.clone()).filter(|reasons| !reasons.is_empty()).unwrap_or_else(|| vec![fallback.to_owned()]);
        block(tone, word, reasons)
    };
    let verdict = page.verdict.as_ref();
    match &page.state {
        RunState::Running { .. } => ().into_any(),
        RunState::Waiting { secret, until, .. } => {
            let what = format!("It starts when Secret `{secret}` is changed. If that has not happened by {}, it is called off.", full(*until));
            // What keeps its change from being seen is the last thing that was said.
            let told = page.events.last().filter(|event| event.bad).map(|event| event.text.clone());
            let rest = "What it runs is frozen; whether it may still start is judged again then. This page may be left.".to_owned();
            block(Tone::Running, "Waiting", std::iter::once(what).chain(told).chain([rest]).collect())
        }
        RunState::Queued => {
            let place = match page.queue_place {
                Some(1) | None => "It is the next one.".to_owned(),
                Some(place) => format!("It has place {place} in the queue."),
            };
            block(Tone::Running, "Queued", vec![place, "It starts by itself as soon as there is room; this page may be left.".to_owned()])
        }
        RunState::Starting { since } => {
            // What is said of it after its start is what it waits for.
            let waits_for = page.events.last().filter(|event| event.at > *since).map(|event| event.text.clone());
            let next = waits_for.unwrap_or_else(|| "The first numbers come within seconds.".to_owned());
            block(Tone::Running, "Starting", vec![format!("k6 is being started since {}.", clock_utc(*since)), next])
        }
        RunState::Finishing { since } => block(
            Tone::Running,
            "Finishing",
            vec![format!("k6 ended at {}. The last measurements and k6’s own summary are being settled, then the verdict follows.", clock_utc(*since))],
        ),
        RunState::Cancelling { since, by } => block(
            Tone::Running,
            "Stopping",
            vec![format!("{by} asked for the end at {}. k6 lets the running iterations end and runs its teardown.", clock_utc(*since))],
        ),
        RunState::Passed => judged(Tone::Pass, "Pass", verdict, "Every threshold was kept and the data is complete."),
        RunState::Failed => judged(Tone::Fail, "Fail", verdict, "A threshold was broken."),
        RunState::Inconclusive => judged(Tone::Inconclusive, "Inconclusive", verdict, "The data cannot decide."),
        RunState::Cancelled { by } if page.started.is_none() && page.measured.totals.requests == 0 && page.measured.totals.iterations == 0 => {
            let why = page.events.last().map(|event| event.text.trim_end_matches('.')).unwrap_or_default();
            let first = if why.is_empty() { format!("{by} called it off.") } else { format!("{why}.") };
            block(Tone::Unknown, "Cancelled", vec![first, format!("{by} called it off before k6 ran: nothing was sent to the target.")])
        }
        RunState::Cancelled { by } => block(
            Tone::Unknown,
            "Cancelled",
            vec![format!("{by} stopped this run before its end."), "What was measured stands below; it decides nothing.".to_owned()],
        ),
        RunState::Lost => block(
            Tone::Inconclusive,
            "Lost",
            vec![
                page.events.last().filter(|event| event.bad).map_or_else(
                    || "The runner is gone and left no end. Nobody knows what k6 did after its last sign of life.".to_owned(),
                    |event| format!("{}. Nobody knows what k6 did after its last sign of life.", event.text.trim_end_matches('.')),
                ),
                "It decides nothing. Run again.".to_owned(),
            ],
        ),
        RunState::Errored { cause } => block(Tone::Fail, "Error", vec![cause.words()]),
    }
}

fn block(tone: Tone, word: &'static str, reasons: Vec<String>) -> AnyView {
    // The first reason decided; the others say how sure that is.
    let mark = |index: usize| if index == 0 { inked(tone.icon(), tone.class()) } else { icon("why") };
    let reasons = reasons.into_iter().enumerate().map(|(index, reason)| view! { <li>{mark(index)} <span>{rich(&reason)}</span></li> }).collect_view();
    view! {
        <section class=format!("verdict {}", tone.class()) aria-labelledby="verdict">
            <div><h2 class="vh" id="verdict">"Verdict"</h2>{status_big(tone, word)}</div>
            <ul class="reasons">{reasons}</ul>
        </section>
    }
    .into_any()
}

/// Elapsed, remaining, age of the newest measurement. One part of it is a status; the seconds are not announced.
pub(super) fn progress(page: &RunPage, link: Link) -> AnyView {
    let elapsed = elapsed_s(page).saturating_add(link.age_s);
    let measured = page.measured.last_measured.map(|at| page.now.micros_since(at).max(0) / 1_000_000 + i64::from(link.age_s));
    let age = measured.map_or_else(
        || "nothing measured yet".to_owned(),
        |age| if age <= 1 { "measured just now".to_owned() } else { format!("measured {} ago", spoken(age)) },
    );
    let state = if link.cut {
        view! {
            <p class="notice running" role="status">
                {status(Tone::Running, "Reconnecting")}
                <span class="grow">"The live stream is cut. The run goes on; what is missing is filled in when the stream is back."</span>
            </p>
        }
        .into_any()
    } else {
        view! { <p class="vh" role="status">{page.state.kind().word()}</p> }.into_any()
    };
    let bar = page.planned_s.filter(|_| page.started.is_some()).map(|planned| {
        let done = elapsed.min(planned);
        view! { <progress class="bar" max=planned.to_string() value=done.to_string() aria-label="Elapsed"></progress> }
    });
    let time = page.started.map(|started| {
        let of = page.planned_s.map(|planned| format!(" of {}", stopwatch(i64::from(planned))));
        // Who has asked for its end does not wait for the planned one.
        let planned = page.planned_s.filter(|_| !matches!(page.state, RunState::Cancelling { .. }));
        let left = planned.map(|planned| match planned.checked_sub(elapsed) {
            Some(left) if left > 0 => format!("{} remaining, ends {}", stopwatch(i64::from(left)), clock_utc(started.plus_seconds(i64::from(planned)))),
            _ => "past its planned end: k6 waits for iterations and teardown".to_owned(),
        });
        view! { <span><b>{stopwatch(i64::from(elapsed))}</b> {of}</span> <span class="mute">{left}</span> }
    });
    view! {
        <section class="sec near" aria-label="Progress">
            {state} <p class="facts-line">{time} <span class="mute">{age}</span></p> {bar}
            <noscript inner_html=RELOAD></noscript>
        </section>
    }
    .into_any()
}

fn spoken(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
