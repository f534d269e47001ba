//! The newest runs of an app. All of them stand in the history.

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    view::{app::AppPage, runs::RunRow},
};

use super::{overview::test_name, refused, trend};
use crate::{
    href,
    ui::{
        charts::mini_band,
        format::{counted, digest, full, iso, latency, short, stopwatch},
        layout::{button, empty, scroll},
        status::run_status,
        text::{rich, why},
    },
};

pub(super) fn tab(page: &AppPage) -> AnyView {
    if let Some(reason) = refused(page, "run.view") {
        return view! { <div class="empty"><h2>"The runs of this app are locked for you"</h2>{why("locked", reason)} {button(href::access(&page.path), "What I may do here")}</div> }
            .into_any();
    }
    if page.runs.is_empty() {
        let (sentence, next) = match (page.tests.is_empty(), page.launch.allowed) {
            (true, _) => ("This app has no test yet, so nothing has been run.", button(href::app_tab(&page.path, "tests"), "Where tests are searched")),
            (false, true) => ("Nobody has run a test of this app yet.", button(href::launch(&page.path, None), "Run a test")),
            (false, false) => ("Nobody has run a test of this app yet, and you may not.", button(href::app_tab(&page.path, "access"), "What I may do here")),
        };
        return empty("No runs yet", sentence, next);
    }
    let shown = u64::try_from(page.runs.len()).unwrap_or_default();
    let words = if shown < page.runs_total {
        format!("the newest {shown} of {}, newest first", counted(page.runs_total, "run", "runs"))
    } else {
        format!("{}, newest first", counted(shown, "run", "runs"))
    };
    view! {
        {trend::figure(page)} <div class="sec">{table(page)}</div>
        <nav class="foot" aria-label="More runs">
            <span>{words}</span> <span>{format!("as of {}", full(page.now))}</span> <span class="grow"></span>
            <a class="btn sm" href=href::runs_of(&page.path)>"All runs here and below"</a>
        </nav>
    }
    .into_any()
}

fn table(page: &AppPage) -> AnyView {
    let rows = page.runs.iter().map(|run| row(run, page.now)).collect_view();
    let table = view! {
        <table class="dense stack">
            <thead>
                <tr>
                    <th scope="col">"Verdict"</th>
                    <th scope="col">"Test"</th>
                    <th scope="col">"Profile"</th>
                    <th scope="col">"Band"</th>
                    <th scope="col" class="num">"p99"</th>
                    <th scope="col" class="num">"Spread"</th>
                    <th scope="col" class="num">"Took"</th>
                    <th scope="col">"By"</th>
                    <th scope="col">"Tree"</th>
                    <th scope="col">"Note"</th>
                    <th scope="col" class="num" aria-sort="descending">"Asked ↓"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    scroll("Newest runs", table.into_any())
}

fn row(run: &RunRow, now: Timestamp) -> AnyView {
    let totals = run.totals.filter(|totals| totals.requests > 0);
    let number = |micros: Option<u64>| micros.map_or_else(|| "—".to_owned(), latency);
    let took = stopwatch(run.ended.unwrap_or(now).micros_since(run.created) / 1_000_000);
    let plain = run.reason.as_ref().map(|reason| reason.replace('`', ""));
    view! {
        <tr>
            <td class="lead">{run_status(run.state)}</td>
            <th scope="row" class="full">
                <a class="mono" href=href::run(run.id)>
                    {test_name(run).to_owned()}
                    <span class="vh">{format!(", run {}", run.id.short())}</span>
                </a>
            </th>
            <td data-h="Profile">{run.profile.word()}</td>
            <td class="opt">{mini_band(&run.band_us)}</td>
            <td class="num" data-h="p99">{number(totals.map(|totals| totals.p99_us))}</td>
            <td class="num" data-h="Spread">{number(totals.map(|totals| totals.spread_us()))}</td>
            <td class="num opt">{took}</td>
            <td class="nb" data-h="By">{run.by.clone()}</td>
            <td class="opt"><code>{digest(&run.commit)}</code></td>
            <td class="soft full cut" title=plain>{run.reason.as_deref().map(rich)}</td>
            <td class="num lead tail"><time datetime=iso(run.created)>{short(run.created, now)}</time></td>
        </tr>
    }
    .into_any()
}
