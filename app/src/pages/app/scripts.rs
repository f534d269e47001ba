//! The tests of an app as k6 itself reads them, and where they were searched.

use leptos::prelude::*;
use windfirm_model::{
    run::RunStateKind,
    view::app::{AppPage, TestOptions, TestRow},
};

use super::overview::troubles;
use crate::{
    href,
    ui::{
        cluster::short_revision,
        format::{count, digest, duration},
        layout::{nothing, scroll, section},
        status::{Tone, last_status, status, status_plain},
    },
};

pub(super) fn tab(page: &AppPage) -> AnyView {
    let found = section("tests", "Tests found", from(page), ().into_any(), table(page, true));
    view! { {troubles(page)} {found} {super::secrets::secrets(page)} {searched(page)} {messages(page)} }.into_any()
}

/// Which commit they are from, where it is not the one that the page is read from.
pub(super) fn from(page: &AppPage) -> String {
    page.tests_at.as_ref().map(|commit| format!("as deployed, at {}", short_revision(commit))).unwrap_or_default()
}

/// `whole` adds the path in the repository and the digest.
pub(super) fn table(page: &AppPage, whole: bool) -> AnyView {
    if page.tests.is_empty() {
        return view! {
            {nothing("No test was found. Put a k6 script into one of the places below and commit it; it appears here by itself.")}
            {(!whole).then(|| places(page))}
        }
        .into_any();
    }
    let rows = page.tests.iter().map(|test| row(page, test, whole)).collect_view();
    let digests = whole.then(|| view! { <th scope="col">"Digest"</th> });
    let table = view! {
        <table class="dense stack">
            <thead>
                <tr>
                    <th scope="col">"Script"</th>
                    {digests}
                    <th scope="col">"Scenario"</th>
                    <th scope="col" class="num">"Max VUs"</th>
                    <th scope="col" class="num">"Duration"</th>
                    <th scope="col">"Thresholds"</th>
                    <th scope="col">"Last"</th>
                    <th scope="col" class="end"><span class="vh">"Action"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    scroll("Tests found", table.into_any())
}

/// The newest run of a test that says something of the app, among those that the page holds; a cancelled one where there is no other.
fn last(page: &AppPage, test: &TestRow) -> Option<RunStateKind> {
    let ended = || page.runs.iter().filter(|run| run.test == test.path && !run.state.is_live()).map(|run| run.state);
    ended().find(|state| state.tells()).or_else(|| ended().next())
}

fn row(page: &AppPage, test: &TestRow, whole: bool) -> AnyView {
    let name = if whole { test.path.clone() } else { test.name.clone() };
    let digest = whole.then(|| view! { <td class="opt"><code title=test.digest.clone()>{digest(&test.digest)}</code></td> });
    let middle = match &test.options {
        TestOptions::Read { scenarios, max_vus, duration_s, thresholds, unbounded } => {
            let names = scenarios.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>().join(", ");
            let mut executors: Vec<&str> = scenarios.iter().map(|scenario| scenario.executor.as_str()).collect();
            executors.dedup();
            let length = if *unbounded { "no end of its own".to_owned() } else { duration(*duration_s) };
            let thresholds = if thresholds.is_empty() {
                view! { <span class="mute">"none"</span> }.into_any()
            } else {
                thresholds.iter().map(|threshold| view! { <code>{threshold.clone()}</code> " " }).collect_view().into_any()
            };
            view! {
                <td data-h="Scenario">{names} <span class="sub">{executors.join(", ")}</span></td>
                <td class="num" data-h="Max VUs">{count(u64::from(*max_vus))}</td>
                <td class="num" data-h="At most">{length}</td>
                <td class="full" data-h="Thresholds">{thresholds}</td>
            }
            .into_any()
        }
        TestOptions::Broken { .. } => {
            let remark = if whole { "its message stands below" } else { "see Tests for its message" };
            view! { <td class="full" colspan="4">{status(Tone::Fail, "k6 cannot load it")} " " <span class="soft">{remark}</span></td> }.into_any()
        }
        TestOptions::Unread { why } => view! { <td class="full" colspan="4">{status_plain(Tone::Unknown, why.clone())}</td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="full"><code title=test.path.clone()>{name}</code></th>
            {digest}
            {middle}
            <td class="lead">{last_status(last(page, test))}</td>
            <td class="end tail">{action(page, test)}</td>
        </tr>
    }
    .into_any()
}

fn action(page: &AppPage, test: &TestRow) -> AnyView {
    if !page.launch.allowed {
        return crate::ui::status::locked(&page.launch);
    }
    if matches!(test.options, TestOptions::Broken { .. }) {
        return view! { <span class="mute">"mend it first"</span> }.into_any();
    }
    crate::ui::layout::run_button(href::launch(&page.path, Some(&test.path)), true, &test.name)
}

/// What k6 said of scripts that it cannot load, as it said it.
fn messages(page: &AppPage) -> AnyView {
    let broken = page
        .tests
        .iter()
        .filter_map(|test| match &test.options {
            TestOptions::Broken { message } => Some(view! { <h3><code>{test.path.clone()}</code></h3> <pre class="code" tabindex="0" aria-label=format!("What k6 said of {}", test.name)>{message.clone()}</pre> }),
            TestOptions::Read { .. } | TestOptions::Unread { .. } => None,
        })
        .collect::<Vec<_>>();
    if broken.is_empty() {
        return ().into_any();
    }
    section("k6-said", "What k6 said", "word for word", ().into_any(), view! { <div class="flow">{broken}</div> }.into_any())
}

fn searched(page: &AppPage) -> AnyView {
    section("searched", "Where tests are searched", "", ().into_any(), places(page))
}

fn places(page: &AppPage) -> AnyView {
    if page.searched.is_empty() {
        return nothing("Nowhere: this app has no folder in the repository that the tree is read from. Name a test with the annotation `windfirm.dev/tests`.");
    }
    let places = page.searched.iter().map(|place| view! { <code>{place.clone()}</code> " " }).collect_view();
    let commit = page.tests_at.as_ref().unwrap_or(&page.revision.commit);
    let commit = (!commit.is_empty()).then(|| view! { "at " <code>{digest(commit)}</code> ". " });
    view! { <p class="note">"Searched " {places} {commit} "The options are what k6 itself reads from the script."</p> }.into_any()
}
