//! What runs now, of what the person may see.

use leptos::prelude::*;
use windfirm_model::view::frame::{Frame, LiveRun};

use crate::{
    href,
    ui::{format::stopwatch, icon::icon},
};

/// The newest live runs. Nothing where nothing runs: the side bar has no empty boxes.
pub(super) fn live_runs(frame: &Frame) -> AnyView {
    if frame.live.is_empty() {
        return ().into_any();
    }
    let seconds = seconds_since_shown();
    let rows = frame.live.iter().map(|run| row(run.clone(), seconds)).collect_view();
    let shown = u32::try_from(frame.live.len()).unwrap_or(u32::MAX);
    let more = frame.live_count.saturating_sub(shown);
    let more = (more > 0).then(|| view! { <li><a href="/runs?state=live">{icon("runs")} {format!("{more} more")}</a></li> });
    view! { <section class="live-now" aria-labelledby="live-h"><h2 id="live-h">"Live runs"</h2><ul>{rows} {more}</ul></section> }.into_any()
}

/// Counts seconds where script runs; stays at zero where it does not.
fn seconds_since_shown() -> ReadSignal<u32> {
    let (seconds, set_seconds) = signal(0_u32);
    Effect::new(move |_| {
        let tick = set_interval_with_handle(move || set_seconds.update(|count| *count = count.saturating_add(1)), std::time::Duration::from_secs(1));
        if let Ok(tick) = tick {
            on_cleanup(move || tick.clear());
        }
    });
    seconds
}

fn row(run: LiveRun, seconds: ReadSignal<u32>) -> AnyView {
    let LiveRun { id, path, test, elapsed_s, planned_s, waits } = run;
    let elapsed = move || elapsed_s.saturating_add(seconds.get());
    let time = move || match planned_s {
        _ if waits => "waiting".to_owned(),
        Some(planned) if planned > elapsed() => format!("{} left", stopwatch(i64::from(planned - elapsed()))),
        Some(_) => "ending".to_owned(),
        None => stopwatch(i64::from(elapsed())),
    };
    let name = test.rsplit('/').next().unwrap_or(&test).to_owned();
    let bar = planned_s.filter(|planned| *planned > 0 && !waits).map(|planned| {
        let label = format!("{path} {name}, time that has passed");
        let value = move || elapsed().min(planned).to_string();
        view! { <progress max=planned.to_string() value=value aria-label=label></progress> }
    });
    let (path, title) = (path.to_string(), format!("{path} {name}"));
    view! {
        <li>
            <a href=href::run(id) title=title>
                <svg class=if waits { "i" } else { "i spin" } aria-hidden="true">
                    <use href="#i-s-running" />
                </svg>
                <span class="cut">{path}</span>
                <span class="mute">{time}</span>
                {bar}
            </a>
        </li>
    }
    .into_any()
}
