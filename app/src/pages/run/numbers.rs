//! The key numbers of a run: over the whole run so far, and while it is live the newest second beside them.

use leptos::prelude::*;
use windfirm_model::view::run::RunPage;

use crate::ui::{
    charts::geometry::float,
    format::{bytes, count, latency, percent, rate},
};

pub(super) fn numbers(page: &RunPage) -> AnyView {
    let totals = &page.measured.totals;
    let live = page.state.is_live();
    let last = page.measured.windows.last().filter(|_| live);
    let measured = totals.requests > 0;
    let time = |name, us: u64, newest: Option<u64>| {
        let now = newest.map(|us| format!("now {}", latency(us)));
        number(name, measured.then(|| latency(us)), now)
    };
    let newest = last.filter(|window| window.requests > 0);
    let dropped = totals.iterations.saturating_add(totals.dropped_iterations);
    let dropped_share = if dropped == 0 { 0.0 } else { float(totals.dropped_iterations) / float(dropped) };
    let checks = totals.checks_passed.saturating_add(totals.checks_failed);
    let checks_share = if checks == 0 { None } else { Some(float(totals.checks_passed) / float(checks)) };
    let vus = last.and_then(|window| window.vus).unwrap_or(totals.max_vus);
    view! {
        <div class="sec near">
            <h2 class="vh">"Key numbers"</h2>
            <dl class="nums">
                {time("Spread", totals.spread_us(), newest.map(|window| window.p99_us.saturating_sub(window.p50_us)))}
                {time("p50", totals.p50_us, newest.map(|window| window.p50_us))}
                {time("p90", totals.p90_us, newest.map(|window| window.p90_us))}
                {time("p99", totals.p99_us, newest.map(|window| window.p99_us))}
                {number("Requests", measured.then(|| format!("{} /s", rate(totals.requests_per_s))), Some(format!("{} in all", count(totals.requests))))}
                {number("Errors", measured.then(|| percent(totals.error_rate())), Some(format!("{} failed", count(totals.failed))))}
                {number("Checks", checks_share.map(percent), Some(format!("{} of {}", count(totals.checks_passed), count(checks))))}
                {number(
                    "Iterations",
                    (dropped > 0).then(|| count(totals.iterations)),
                    Some(if totals.dropped_iterations == 0 { "none dropped".to_owned() } else { format!("{} dropped", percent(dropped_share)) }),
                )}
                {number(if live { "VUs" } else { "VUs, most" }, Some(count(vus)), Some(format!("of {}", count(u64::from(page.max_vus)))))}
                {number("Received", measured.then(|| bytes(totals.received_bytes)), Some(format!("{} sent", bytes(totals.sent_bytes))))}
            </dl>
        </div>
    }
    .into_any()
}

/// One number with its unit set small; “—” where nothing was measured.
fn number(name: &'static str, value: Option<String>, remark: Option<String>) -> AnyView {
    let value = value.unwrap_or_else(|| "—".to_owned());
    let (figure, unit) = value.rsplit_once(' ').map_or((value.clone(), None), |(figure, unit)| (figure.to_owned(), Some(format!(" {unit}"))));
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{figure} {unit.map(|unit| view! { <small>{unit}</small> })} {remark.map(|remark| view! { <span class="d">{remark}</span> })}</dd>
        </div>
    }
    .into_any()
}
