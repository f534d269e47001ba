//! The overview of an app: trouble, the last verdict, the last runs in one picture, tests, apps below; beside it limits and facts.

use leptos::prelude::*;
use windfirm_model::view::{
    app::{AppPage, ChildRow, Target},
    runs::RunRow,
};

use super::{cluster, facts, refused, scripts, secrets, trend};
use crate::{
    href,
    ui::{
        cluster::cluster_notice,
        format::{ago, count, iso, latency, percent},
        icon::{icon, inked},
        layout::{head_link, notice, section},
        status::{Tone, environment, run_status, run_word, status_big, wave},
        text::rich,
    },
};

pub(super) fn overview(page: &AppPage) -> AnyView {
    view! {
        {troubles(page)}
        <div class="cols">
            <div>
                {verdict(page)} {live(page)} {trend::figure(page)} {cluster::in_cluster(page)}
                {section("tests", "Tests found", scripts::from(page), head_link(href::app_tab(&page.path, "tests"), "All about the tests"), scripts::table(page, false))}
                {secrets::secrets(page)}
                {below(page)}
            </div>
            <aside aria-label="Limits and facts">{facts::limits(page)} {facts::app(page)}</aside>
        </div>
    }
    .into_any()
}

/// What is wrong with the manifest, the tests or the target. The page stays.
pub(super) fn troubles(page: &AppPage) -> AnyView {
    let stale = page.revision.stale.as_ref().map(|why| {
        let sentence = format!("The newest commit could not be read: {why} What you see was read {}.", ago(page.revision.read, page.now));
        notice(Tone::Inconclusive, "older tree", &sentence)
    });
    let target = match &page.target {
        Target::Known { .. } => None,
        Target::Missing { why } => Some(notice(Tone::Inconclusive, "no target", why)),
    };
    let problems = page.problems.iter().map(|problem| notice(Tone::Inconclusive, "trouble", problem)).collect_view();
    let unresolved = page.unresolved.iter().map(|sentence| notice(Tone::Unknown, "not followed", sentence)).collect_view();
    // Where nothing of a cluster is shown, its age does not matter.
    let away = page.cluster_state.as_ref().filter(|cluster| cluster.is_away() || !cluster.complete).map(|cluster| cluster_notice(cluster, page.now));
    let project = page.project.as_ref().map(|project| project.findings.iter().map(|finding| cluster::project_notice(finding, page.now)).collect_view());
    let no_project = page.project.as_ref().is_none_or(|project| project.findings.is_empty());
    let none = no_project && stale.is_none() && away.is_none() && target.is_none() && page.problems.is_empty() && page.unresolved.is_empty();
    (!none)
        .then(|| view! { <section class="flow" aria-label="Trouble with this app">{stale} {away} {target} {project} {problems} {unresolved}</section> })
        .into_any()
}

/// The newest run that has ended, as the answer of the page.
fn verdict(page: &AppPage) -> AnyView {
    // A cancelled run says nothing of the app, and hides nothing that is known of it.
    let Some(run) = page.runs.iter().find(|run| run.state.tells()) else {
        return never(page);
    };
    let tone = Tone::of_run(run.state);
    let reason = run.reason.as_ref().map(|reason| view! { <li>{inked(tone.icon(), tone.class())} <span>{rich(reason)}</span></li> });
    let numbers = run.totals.filter(|totals| totals.requests > 0).map(|totals| {
        let sentence = format!(
            "Spread {}, p99 {}, {} requests, {} failed.",
            latency(totals.spread_us()),
            latency(totals.p99_us),
            count(totals.requests),
            percent(totals.error_rate())
        );
        view! { <li>{icon("runs")} <span>{sentence}</span></li> }
    });
    let nothing = (reason.is_none() && numbers.is_none()).then(|| view! { <li>{icon("why")} <span>"Nothing was measured in this run."</span></li> });
    view! {
        <section class=format!("verdict {}", tone.class()) aria-labelledby="last-verdict">
            <div>
                <h2 class="vh" id="last-verdict">"Last verdict"</h2>
                {status_big(tone, capital(run_word(run.state)))}
                <p class="mute">
                    <small><time datetime=iso(run.ended.unwrap_or(run.created))>{ago(run.ended.unwrap_or(run.created), page.now)}</time> ", run " <a class="mono" href=href::run(run.id)>{run.id.short()}</a></small>
                </p>
            </div>
            <ul class="reasons">
                {reason} {numbers} {nothing} <li>{icon("user")} <span>{format!("{} ran {} with profile {}.", run.by, test_name(run), run.profile.word())}</span></li>
            </ul>
        </section>
    }
    .into_any()
}

fn never(page: &AppPage) -> AnyView {
    let (tone, word, sentence) = match (refused(page, "run.view"), page.runs.is_empty()) {
        (Some(why), _) => (Tone::Locked, "Locked", format!("Whether and how this app ran is not yours to read. {why}")),
        (None, false) if page.runs.iter().any(|run| run.state.is_live()) => {
            (Tone::Unknown, "No verdict yet", "A run is not over. Its verdict will stand here.".to_owned())
        }
        (None, false) => (Tone::Unknown, "No verdict yet", "Its runs were cancelled, which decides nothing.".to_owned()),
        (None, true) if page.tests.is_empty() => (Tone::Unknown, "Never run", "This app has no test yet, so there is nothing to run.".to_owned()),
        (None, true) if page.launch.allowed => (Tone::Unknown, "Never run", "Choose a test below and run it; its verdict will stand here.".to_owned()),
        (None, true) => (Tone::Unknown, "Never run", "Nobody has run a test of this app yet.".to_owned()),
    };
    view! {
        <section class=format!("verdict {}", tone.class()) aria-labelledby="last-verdict">
            <div>
                <h2 class="vh" id="last-verdict">"Last verdict"</h2>
                {status_big(tone, word)}
            </div>
            <ul class="reasons">
                <li>{icon("why")} <span>{rich(&sentence)}</span></li>
            </ul>
        </section>
    }
    .into_any()
}

/// Runs that are still doing something.
fn live(page: &AppPage) -> AnyView {
    let rows: Vec<&RunRow> = page.runs.iter().filter(|run| run.state.is_live()).collect();
    if rows.is_empty() {
        return ().into_any();
    }
    let rows = rows
        .into_iter()
        .map(|run| {
            view! {
                <li>
                    {run_status(run.state)} <div><span class="what"><a class="quiet" href=href::run(run.id)>{test_name(run).to_owned()}</a> <span class="mute">{format!("by {}", run.by)}</span></span></div>
                    <time datetime=iso(run.created)>{ago(run.created, page.now)}</time> <a class="btn sm" href=href::run(run.id)>"Watch" <span class="vh">{format!(" run {}", run.id.short())}</span></a>
                </li>
            }
        })
        .collect_view();
    section("live", "Live now", "", ().into_any(), view! { <ul class="needs">{rows}</ul> }.into_any())
}

/// Apps one level down.
fn below(page: &AppPage) -> AnyView {
    if page.children.is_empty() && page.hidden_children == 0 {
        return ().into_any();
    }
    let hidden = (page.hidden_children > 0).then(|| {
        let sentence = if page.children.is_empty() { "Apps exist below that no grant of yours covers." } else { "No grant of yours covers them." };
        view! { <p class="note">{crate::ui::status::hidden(page.hidden_children)} ". " {sentence} " Their names are not shown."</p> }
    });
    let list = (!page.children.is_empty()).then(|| view! { <ul class="rules">{page.children.iter().map(child).collect_view()}</ul> });
    let meta = if page.children.is_empty() { String::new() } else { page.children.len().to_string() };
    let link = href::with_query("/tree", &[("q", Some(page.path.as_str()))]);
    section("below", "Apps below", meta, head_link(link, "In the tree"), view! { {list} {hidden} }.into_any())
}

fn child(row: &ChildRow) -> AnyView {
    view! {
        <li>
            <svg class="i mute" aria-hidden="true">
                <use href="#i-app" />
            </svg>
            <a class="quiet" href=href::app(&row.path)>
                {row.name.clone()}
            </a>
            <span class="fact">{environment(&row.environment)} " " {wave(row.wave)}</span>
        </li>
    }
    .into_any()
}

/// `browse.js` of `apps/shop/k6/browse.js`.
pub(super) fn test_name(run: &RunRow) -> &str {
    run.test.rsplit('/').next().unwrap_or(&run.test)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
