//! The lists of the home page: failing, live, ready, recent.

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    view::{home::ReadyTest, runs::RunRow},
};

use crate::{
    href,
    ui::{
        charts::mini_band,
        format::{ago, duration, iso, latency, short},
        layout::run_button,
        status::{Tone, environment, run_status, tag},
        text::why,
    },
};

/// `browse.js` of `apps/shop/k6/browse.js`.
fn script(test: &str) -> String {
    test.rsplit('/').next().unwrap_or(test).to_owned()
}

/// What did not pass, with its reason.
pub(super) fn failing(rows: &[RunRow], now: Timestamp) -> AnyView {
    let rows = rows
        .iter()
        .map(|run| {
            let at = run.ended.unwrap_or(run.created);
            let reason = run.reason.as_deref().unwrap_or("It left no reason; its page says what is known.");
            need(run, why(Tone::of_run(run.state).class(), reason), at, ago(at, now), "Read")
        })
        .collect_view();
    view! { <ul class="needs">{rows}</ul> }.into_any()
}

/// What runs now.
pub(super) fn live(rows: &[RunRow], now: Timestamp) -> AnyView {
    let rows = rows
        .iter()
        .map(|run| {
            let planned = run.planned_s.map(|planned| format!(", planned for {}", duration(planned))).unwrap_or_default();
            let sentence = format!("Launched by {}{planned}.", run.by);
            need(run, why("running", &sentence), run.created, ago(run.created, now), "Watch")
        })
        .collect_view();
    view! { <ul class="needs">{rows}</ul> }.into_any()
}

fn need(run: &RunRow, reason: AnyView, at: Timestamp, when: String, verb: &'static str) -> AnyView {
    let link = href::run(run.id);
    view! {
        <li>
            {run_status(run.state)}
            <div>
                <span class="what">
                    <a class="quiet mono" href=href::app(&run.path)>{run.path.to_string()}</a>
                    {tag(script(&run.test))}
                    {environment(&run.environment)}
                </span>
                {reason}
            </div>
            <time datetime=iso(at)>{when}</time>
            <a class="btn sm" href=link>{verb} <span class="vh">{format!(" {} of {}", script(&run.test), run.path)}</span></a>
        </li>
    }
    .into_any()
}

/// One way to a run: the second click is on the form.
pub(super) fn ready(rows: &[ReadyTest]) -> AnyView {
    let rows = rows
        .iter()
        .map(|test| {
            let name = script(&test.test);
            view! {
                <tr>
                    <th scope="row" class="mono full nb"><a href=href::app(&test.path)>{test.path.to_string()}</a> " " {environment(&test.environment)}</th>
                    <td class="mono" data-h="Test">{name.clone()}</td>
                    <td class="mono soft opt wide" data-h="As">{test.service_account.clone()}</td>
                    <td class="end tail">{run_button(href::launch(&test.path, Some(&test.test)), true, &format!("{} {name}", test.path))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="dense stack">
            <caption class="vh">"Tests that you may run now"</caption>
            <thead>
                <tr>
                    <th scope="col">"App"</th>
                    <th scope="col">"Test"</th>
                    <th scope="col" class="wide">"Acts as"</th>
                    <th scope="col"><span class="vh">"Run"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// The newest ended runs, whatever came of them.
pub(super) fn recent(rows: &[RunRow], now: Timestamp) -> AnyView {
    let rows = rows
        .iter()
        .map(|run| {
            let spread = run.totals.filter(|totals| totals.requests > 0).map_or_else(|| "—".to_owned(), |totals| latency(totals.spread_us()));
            view! {
                <tr>
                    <td class="lead">{run_status(run.state)}</td>
                    <th scope="row" class="full"><a class="mono" href=href::run(run.id)>{run.path.to_string()}</a> " " {environment(&run.environment)}</th>
                    <td class="mono" data-h="Test">{script(&run.test)}</td>
                    <td data-h="Profile" class="opt">{run.profile.word()}</td>
                    <td data-h="By" class="nb opt">{run.by.clone()}</td>
                    <td class="opt">{mini_band(&run.band_us)}</td>
                    <td class="num" data-h="Spread">{spread}</td>
                    <td class="num lead tail"><time datetime=iso(run.created)>{short(run.created, now)}</time></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="dense stack">
            <caption class="vh">"Recent runs, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Verdict"</th>
                    <th scope="col">"App"</th>
                    <th scope="col">"Test"</th>
                    <th scope="col">"Profile"</th>
                    <th scope="col">"By"</th>
                    <th scope="col">"Band"</th>
                    <th scope="col" class="num">"Spread"</th>
                    <th scope="col" class="num">"Asked"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
