//! One operation as a row: when, who, what, on what, and how it ended.

use leptos::prelude::*;
use windfirm_model::{
    audit::EventOutcome,
    clock::Timestamp,
    path::AppPath,
    view::audit::{AuditQuery, AuditRow},
};

use super::address;
use crate::{
    href,
    ui::{
        format::{clock, clock_ms, count, date_time, iso},
        status::{Tone, environment, status},
        text::rich,
    },
};

/// `opened` is the number of the entry whose detail stands beside the table, which then has less room.
pub(super) fn row(event: &AuditRow, query: &AuditQuery, now: Timestamp, opened: Option<i64>) -> AnyView {
    let open = opened == Some(event.seq);
    let red = matches!(event.outcome, EventOutcome::Denied | EventOutcome::Failed);
    let class = match (open, red) {
        (true, true) => Some("on red"),
        (true, false) => Some("on"),
        (false, true) => Some("red"),
        (false, false) => None,
    };
    let link = format!("{}#entry", address(query, query.before.as_deref(), Some(&event.seq.to_string())));
    let day = (!same_day(event.at, now)).then(|| view! { <span class="sub">{day(event.at)}</span> });
    let account = match &event.service_account {
        Some(account) => view! { <code>{account.clone()}</code> }.into_any(),
        None => view! { <span class="mute">"portal"</span> }.into_any(),
    };
    view! {
        <tr class=class>
            <td class="mono nb">
                <a href=link aria-current=open.then_some("true")><time datetime=iso(event.at)>{clock(event.at)}</time><span class="vh">{format!(", entry {}", event.seq)}</span></a>
                {day}
            </td>
            <th scope="row" class="nb">{event.actor.clone()}</th>
            <td class="full fold said">{sentence(event)} <span class="sub mono">{event.code.clone()}</span></td>
            <td class="full fold">{target(event)}</td>
            <td class="full fold">{pair(event, now)}</td>
            {opened.is_none().then(|| view! { <td class="opt">{account}</td> })}
        </tr>
    }
    .into_any()
}

/// What happened; a code of a newer version has no sentence here.
pub(super) fn sentence(event: &AuditRow) -> String {
    let text = event.sentence.trim_end_matches('.');
    if text.is_empty() { event.code.clone() } else { text.to_owned() }
}

/// What it was about: the run, the app, or the portal itself.
pub(super) fn target(event: &AuditRow) -> AnyView {
    let run = event.run.map(|id| view! { <a class="mono" href=href::run(id)>{format!("run {}", id.short())}</a> " " });
    let app = event.path.as_deref().map(|text| match text.parse::<AppPath>() {
        Ok(path) if path.depth() > 0 => view! { <a class="mono" href=href::app(&path)>{path.to_string()}</a> " " }.into_any(),
        _ => view! { <span class="mono">{text.to_owned()}</span> " " }.into_any(),
    });
    let none = (run.is_none() && app.is_none()).then(|| view! { <span class="mute">"the portal"</span> });
    view! { {run} {app} {none} {event.environment.as_ref().map(environment)} }.into_any()
}

fn pair(event: &AuditRow, now: Timestamp) -> AnyView {
    view! {
        <span class="pair">
            <span class="mute">"intent"</span>
            <span>{clock_ms(event.at)}</span>
            <span class="mute">"outcome"</span>
            {outcome(event, now)}
        </span>
        {event.why.as_deref().map(|why| view! { <span class="sub">{rich(why)}</span> })}
    }
    .into_any()
}

/// How it ended and how long that took; an open intent grows until its outcome comes.
pub(super) fn outcome(event: &AuditRow, now: Timestamp) -> AnyView {
    let took = event.outcome_at.map(|at| at.micros_since(event.at).max(0));
    let words = match (event.outcome, took) {
        (EventOutcome::Open, _) => format!("open, {}", length(now.micros_since(event.at).max(0))),
        (EventOutcome::Reconciled, _) => "reconciled after a crash".to_owned(),
        (outcome, Some(took)) => format!("{} in {}", outcome.word(), length(took)),
        (outcome, None) => outcome.word().to_owned(),
    };
    status(tone(event.outcome), words)
}

const fn tone(outcome: EventOutcome) -> Tone {
    match outcome {
        EventOutcome::Open => Tone::Running,
        EventOutcome::Done => Tone::Pass,
        EventOutcome::Denied | EventOutcome::Failed => Tone::Fail,
        EventOutcome::Reconciled => Tone::Inconclusive,
    }
}

/// From milliseconds to days.
fn length(micros: i64) -> String {
    let (millis, seconds) = (micros / 1_000, micros / 1_000_000);
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{seconds}.{} s", millis / 100 % 10),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min", seconds / 60),
        3_600..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", count(u64::try_from(seconds / 86_400).unwrap_or_default())),
    }
}

fn day(at: Timestamp) -> String {
    date_time(at).split(',').next().unwrap_or_default().to_owned()
}

fn same_day(a: Timestamp, b: Timestamp) -> bool {
    day(a) == day(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_carry_their_unit() {
        let texts = [0, 4_200, 999_999, 2_090_000, 59_000_000, 90_000_000, 7_200_000_000, 200_000_000_000].map(length);
        assert_eq!(texts, ["0 ms", "4 ms", "999 ms", "2.0 s", "59 s", "1 min", "2 h", "2 days"]);
    }
}
