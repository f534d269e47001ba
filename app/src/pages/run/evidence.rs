//! What speaks for and against: thresholds, checks, and every kind of request.

use leptos::prelude::*;
use windfirm_model::view::run::{CheckRow, RequestRow, RunPage, ThresholdRow};

use crate::ui::{
    charts::geometry::float,
    format::{count, latency, percent},
    icon::inked,
    layout::{nothing, scroll, section},
    status::Tone,
};

pub(super) fn thresholds(page: &RunPage) -> AnyView {
    let rows = &page.measured.thresholds;
    let kept = rows.iter().filter(|row| row.kept == Some(true)).count();
    let undecided = rows.iter().all(|row| row.kept.is_none());
    let meta = if rows.is_empty() || (undecided && page.state.is_live()) { String::new() } else { format!("{kept} of {} kept", rows.len()) };
    let title = if page.state.is_live() { "Thresholds so far" } else { "Thresholds" };
    let content = if rows.is_empty() && page.started.is_none() {
        nothing("They are judged by what k6 measures, and it has not run.")
    } else if rows.is_empty() {
        nothing("The script sets no threshold, so k6 has nothing to judge by. Add `thresholds` to its options.")
    } else {
        let waits = page.state.is_live() && page.measured.totals.requests == 0 && page.measured.totals.iterations == 0;
        view! { <ul class="rules">{rows.iter().map(|row| threshold(row, waits)).collect_view()}</ul> }.into_any()
    };
    section("thresholds", title, meta, ().into_any(), content)
}

/// `waits`: nothing was measured yet, so there is nothing to decide.
fn threshold(row: &ThresholdRow, waits: bool) -> AnyView {
    let (tone, word) = match row.kept {
        None if waits => (Tone::Unknown, "not measured yet: "),
        Some(true) => (Tone::Pass, "kept: "),
        Some(false) => (Tone::Fail, "broken: "),
        None => (Tone::Inconclusive, "not decided: "),
    };
    let remark = match (row.kept, row.abort_on_fail) {
        (None, _) if waits => " · not measured yet",
        (None, _) => " · cannot be decided: nothing was measured, or the expression is not understood",
        (_, true) => " · ends the run when broken",
        _ => "",
    };
    view! {
        <li>
            {inked(tone.icon(), tone.class())} <span><span class="vh">{word}</span><code>{row.expression.clone()}</code></span>
            <span class="fact">{row.measured.clone().unwrap_or_else(|| "—".to_owned())}</span>
            <span class="sub"><code>{row.metric.clone()}</code> {remark}</span>
        </li>
    }
    .into_any()
}

pub(super) fn checks(page: &RunPage) -> AnyView {
    let rows = &page.measured.checks;
    if rows.is_empty() {
        return ().into_any();
    }
    let good = rows.iter().filter(|row| row.failed == 0).count();
    let mut sorted: Vec<&CheckRow> = rows.iter().collect();
    sorted.sort_by(|a, b| b.failed.cmp(&a.failed).then_with(|| a.group.cmp(&b.group)));
    let list = view! { <ul class="rules">{sorted.into_iter().map(check).collect_view()}</ul> }.into_any();
    let meta = match page.measured.checks_more {
        0 => format!("{good} of {} always good", rows.len()),
        more => format!("{good} of these {} always good; {} more are not shown", rows.len(), count(more)),
    };
    section("checks", "Checks", meta, ().into_any(), list)
}

fn check(row: &CheckRow) -> AnyView {
    let all = row.passed.saturating_add(row.failed);
    let share = if all == 0 { 0.0 } else { float(row.passed) / float(all) };
    let (tone, word) = if row.failed == 0 { (Tone::Pass, "good: ") } else { (Tone::Fail, "failed at times: ") };
    let group = row.group.trim_start_matches(':').replace("::", " / ");
    let group = if group.is_empty() { String::new() } else { format!("{group} · ") };
    view! {
        <li>
            {inked(tone.icon(), tone.class())} <span><span class="vh">{word}</span>{row.name.clone()}</span> <span class="fact">{percent(share)}</span>
            <span class="sub">{format!("{group}{} of {}", count(row.passed), count(all))}</span>
        </li>
    }
    .into_any()
}

pub(super) fn requests(page: &RunPage) -> AnyView {
    let rows = &page.measured.requests;
    let content = if rows.is_empty() {
        nothing("No request was measured.")
    } else {
        let body = rows.iter().map(request).collect_view();
        scroll(
            "Requests",
            view! {
                <table class="dense">
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            <th scope="col">"Method"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col" class="num">"Count"</th>
                            <th scope="col" class="num">"Failed"</th>
                            <th scope="col" class="num">"p50"</th>
                            <th scope="col" class="num">"p90"</th>
                            <th scope="col" class="num">"p99"</th>
                            <th scope="col" class="num">"Spread"</th>
                            <th scope="col" class="num">"Max"</th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
            }
            .into_any(),
        )
    };
    let meta = match page.measured.requests_more {
        _ if rows.is_empty() => String::new(),
        0 => "by name, method and status".to_owned(),
        more => format!("by name, method and status; {} more kinds are not shown. Give requests of one kind one name (tags: {{ name: … }}).", count(more)),
    };
    section("requests", "Requests", meta, ().into_any(), content)
}

fn request(row: &RequestRow) -> AnyView {
    let status = match (row.status, row.error_code) {
        (0, Some(code)) => view! { <span class="up">"none"</span> <span class="mute">{format!(" k6 error {code}")}</span> }.into_any(),
        (0, None) => view! { <span class="up">"none"</span> }.into_any(),
        (status, Some(code)) => view! { {status.to_string()} <span class="mute">{format!(" k6 error {code}")}</span> }.into_any(),
        (status, None) => status.to_string().into_any(),
    };
    let answered = row.max_us > 0;
    let time = |us: u64| view! { <td class="num">{if answered { latency(us) } else { "—".to_owned() }}</td> };
    let failed_class = if row.failed > 0 { "num up" } else { "num" };
    view! {
        <tr>
            <th scope="row" class="mono cut" title=row.name.clone()>{row.name.clone()}</th>
            <td>{row.method.clone()}</td>
            <td>{status}</td>
            <td class="num">{count(row.count)}</td>
            <td class=failed_class>{count(row.failed)}</td>
            {time(row.p50_us)}
            {time(row.p90_us)}
            {time(row.p99_us)}
            {time(row.p99_us.saturating_sub(row.p50_us))}
            {time(row.max_us)}
        </tr>
    }
    .into_any()
}
