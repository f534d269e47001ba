//! What the treegrid and the flat table show alike of one app.

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    path::AppPath,
    view::{
        cluster::{AccountFindings, Found, Settled},
        tree::{AppRow, TreePage},
    },
};

use crate::{
    href,
    ui::{
        charts::sparkline,
        cluster::{found, marked, revision, standing},
        format::{ago, latency},
        icon::icon,
        status::{Tone, last_status, locked, run_word, status_plain},
    },
};

/// The mark of an app whose manifests are in another repository: nothing can stand below it here.
pub(super) const ELSEWHERE: &str = "manifests stand in another repository";

/// The sync wave, in a column that says so.
pub(super) fn wave(row: &AppRow) -> AnyView {
    view! { <span class="wave">{row.wave.to_string()}</span> }.into_any()
}

/// Whether there is room for why the app is locked: no run has anything to say in its place.
pub(super) fn says_why(row: &AppRow) -> bool {
    !row.launch.allowed && row.last.is_none() && row.rolled_up.is_none() && row.live == 0
}

/// Why the app is locked; in short where the whole sentence stands above the rows already.
pub(super) fn lock_words(row: &AppRow, page: &TreePage) -> String {
    let told = |account: &&AccountFindings| {
        !account.sentences.is_empty() && account.breaks.contains(&row.path) && account.sentences.iter().all(|sentence| row.launch.why.contains(sentence))
    };
    match page.accounts.iter().find(told) {
        Some(account) => format!("As told above of `{}`.", account.account),
        None => row.launch.why.clone(),
    }
}

/// The last verdict of the app itself, as a link to its run.
pub(super) fn verdict(row: &AppRow) -> AnyView {
    if row.runs_locked {
        return view! { <span class="mute">"not yours to read"</span> }.into_any();
    }
    let word = last_status(row.last);
    match row.last_run {
        Some(run) => view! { <a href=href::run(run)>{word}</a> }.into_any(),
        None => word,
    }
}

/// Live runs of the app and below, as a link to them. Empty without.
pub(super) fn live(row: &AppRow) -> AnyView {
    if row.live == 0 {
        return ().into_any();
    }
    let link = href::with_query("/runs", &[("path", Some(row.path.as_str())), ("state", Some("live"))]);
    view! { <a href=link>{status_plain(Tone::Running, format!("{} live", row.live))}</a> }.into_any()
}

/// The worst last verdict of the app and everything visible below.
pub(super) fn rolled_up(row: &AppRow) -> AnyView {
    match row.rolled_up {
        Some(state) => status_plain(Tone::of_run(state), run_word(state)),
        None if row.runs_locked => ().into_any(),
        None => status_plain(Tone::Unknown, "never run"),
    }
}

/// The spread of the last runs as a line, and of the last one as a number.
pub(super) fn spread(row: &AppRow) -> AnyView {
    match row.spread_us {
        Some(micros) => view! { <span class="spark-cell">{sparkline(&row.spread_history_us)} <b>{latency(micros)}</b></span> }.into_any(),
        None if row.runs_locked => ().into_any(),
        None if row.last.is_some() => view! { <span class="mute">"not measured"</span> }.into_any(),
        None => view! { <span class="mute">"no runs yet"</span> }.into_any(),
    }
}

/// How the app stands in its cluster: health and sync, then what runs, and whether it is settled. Empty where that is not the
/// reader's to know.
pub(super) fn in_cluster(row: &AppRow, now: Timestamp) -> AnyView {
    let Some(state) = &row.in_cluster else { return ().into_any() };
    if state.health.is_none() && state.sync.is_none() {
        return found(state.found).map(|word| marked("missing", "", word)).into_any();
    }
    let only = found(state.found).map(|word| view! { <span>{word}</span> });
    let runs = state.revision.as_ref().map(|row| view! { <span>{revision(row)}</span> });
    let old = state.as_of.map(|at| view! { <span>{format!("as of {}", ago(at, now))}</span> });
    let reasons = state.reasons();
    let unsettled = (!reasons.is_empty()).then(|| {
        let list = reasons.iter().map(|reason| view! { <li>{reason.clone()}</li> }).collect_view();
        view! {
            <details class="more">
                <summary>"not settled" <span class="vh">{format!(": why, {}", row.name)}</span></summary>
                <ul>{list}</ul>
            </details>
        }
    });
    view! {
        <div class="stand">{standing(state)}</div>
        <div class="stand minor">{runs} {only} {old} {unsettled}</div>
    }
    .into_any()
}

/// Whether the app runs as it should: then a narrow screen says nothing of its cluster.
pub(super) fn is_calm(row: &AppRow) -> bool {
    row.in_cluster.as_ref().is_none_or(|state| state.found == Found::InBoth && state.settled == Some(Settled::Yes) && state.as_of.is_none())
}

/// Run; or why not; or how a test comes here.
pub(super) fn action(row: &AppRow) -> AnyView {
    let name = row.name.clone();
    if !row.launch.allowed {
        let why = row.launch.why.replace('`', "");
        return view! { <a class="quiet" href=why_link(&row.path)>{locked(&row.launch)} <span class="vh">{format!(": {name}. {why}")}</span></a> }.into_any();
    }
    if row.tests == 0 {
        return view! { <a class="btn sm" href=href::app_tab(&row.path, "tests") aria-label=format!("Add a test to {name}")>"Add a test"</a> }.into_any();
    }
    view! {
        <a class="btn sm" href=href::launch(&row.path, None) aria-label=format!("Run {name}")>
            {icon("play")} <span class="lbl">"Run"</span>
        </a>
    }
    .into_any()
}

/// Where the decision is explained.
pub(super) fn why_link(path: &AppPath) -> String {
    href::with_query("/access", &[("path", Some(path.as_str())), ("action", Some("run.launch"))])
}
