//! `/`: what needs this person, what is live, their part of the tree, and the first of two clicks to a run.

mod lists;
mod subtrees;

use leptos::prelude::*;
use windfirm_model::view::home;

use crate::{
    api,
    ui::{
        format::{counted, full, iso},
        layout::{button, empty, head_link, nothing, notice, section, window_title},
        loaded::loaded,
        status::Tone,
    },
};

#[component]
pub fn HomePage() -> impl IntoView {
    let home = Resource::new(|| (), |()| api::person::home());
    loaded("Home", home, |home| home_view(&home))
}

/// The whole page.
#[must_use]
pub fn home_view(home: &home::Home) -> AnyView {
    let partial = home.partial.as_deref().map(|sentence| notice(Tone::Inconclusive, "Partial", sentence));
    let content = if home.apps == 0 && home.recent.is_empty() && home.live.is_empty() { nothing_yours(home) } else { parts(home) };
    view! {
        {window_title("Home")}
        <header class="head">
            <h1>{if home.failing.is_empty() { "Home" } else { "What needs you" }}</h1>
            <p class="mute nb">
                <small><time datetime=iso(home.now)>{full(home.now)}</time></small>
            </p>
        </header>
        {partial}
        {content}
    }
    .into_any()
}

fn parts(home: &home::Home) -> AnyView {
    let failing = u64::try_from(home.failing.len()).unwrap_or(u64::MAX);
    let live = u64::try_from(home.live.len()).unwrap_or(u64::MAX);
    let failing_meta = if failing == 0 { String::new() } else { format!("the newest run of {} did not pass", counted(failing, "app", "apps")) };
    let failing_part = if home.failing.is_empty() {
        nothing(if home.recent.is_empty() {
            "Nothing has run yet, so nothing failed."
        } else {
            "Nothing: of the apps that you see, none failed in its newest run."
        })
    } else {
        lists::failing(&home.failing, home.now)
    };
    let live_part = (live > 0).then(|| {
        section(
            "n-live",
            "Live now",
            counted(live, "run", "runs"),
            head_link("/runs?state=live".to_owned(), "All live runs"),
            lists::live(&home.live, home.now),
        )
    });
    view! {
        {section("n-fail", "Failing", failing_meta, ().into_any(), failing_part)}
        {live_part}
        <div class="cols even">
            <div>{section("ready", "Run a test", ready_meta(home), ().into_any(), ready(home))}</div>
            <div>
                {section("mine", "My part of the tree", apps(home), head_link("/tree".to_owned(), "Open the tree"), subtrees::subtrees(&home.subtrees))}
            </div>
        </div>
        {section("recent", "Recent runs", "", head_link("/runs".to_owned(), "All runs"), recent(home))}
    }
    .into_any()
}

fn ready_meta(home: &home::Home) -> String {
    match home.ready_more {
        _ if home.ready.is_empty() => String::new(),
        0 => "those you used last come first".to_owned(),
        more => format!("those you used last come first; {more} more in the tree"),
    }
}

fn ready(home: &home::Home) -> AnyView {
    if home.ready.is_empty() {
        return nothing(
            "No test that you may run: an app needs a k6 script in Git and a grant that lets you launch it. The tree shows what each app has, and why it is locked.",
        );
    }
    lists::ready(&home.ready)
}

fn recent(home: &home::Home) -> AnyView {
    if home.recent.is_empty() {
        return nothing("Nobody has run a test on an app that you may see.");
    }
    lists::recent(&home.recent, home.now)
}

fn apps(home: &home::Home) -> String {
    let seen = counted(u64::from(home.apps), "app", "apps");
    if home.hidden == 0 { seen } else { format!("{seen}, {} hidden", home.hidden) }
}

/// Somebody for whom no app exists.
fn nothing_yours(home: &home::Home) -> AnyView {
    if home.unread {
        let why =
            "Windfirm could not read the repository with the apps since it started, so it knows of none, yours or anybody's. It tries again every few seconds.";
        return empty("The apps cannot be shown", why, button("/runs".to_owned(), "Runs so far"));
    }
    let why = if home.hidden == 0 {
        "The tree that this portal reads has no app yet. As soon as one is merged into it, it stands here."
    } else {
        "There are apps in the tree, but no grant of the policy lets you see one. Grants are given to groups; the next page says which groups you have."
    };
    empty("No app for you yet", why, button("/access".to_owned(), "What I may do"))
}
