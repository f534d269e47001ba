//! The head of a run: what ran where, who wanted it and why, and what may be done with it.

use leptos::prelude::*;
use windfirm_model::{
    run::{Profile, RunState},
    view::{
        launch::LaunchRequest,
        run::{Permission, RunPage},
    },
};

use crate::{
    api::{ApiError, runs::StopRun},
    href,
    ui::{
        format::{clock, counted, digest, full, iso},
        icon::icon,
        layout::notice,
        status::{Tone, environment, locked, run_status, status, tag},
        text::why,
    },
};

/// The title in the window.
pub(super) fn title(page: &RunPage) -> String {
    format!("{} {}", page.path, script_name(&page.test))
}

/// `browse.js` of `apps/shop/k6/browse.js`.
pub(super) fn script_name(test: &str) -> &str {
    test.rsplit('/').next().unwrap_or(test)
}

pub(super) fn head(page: &RunPage, stop: ServerAction<StopRun>, cut: bool) -> AnyView {
    let live = page.state.is_live();
    let state = if live && cut { status(Tone::Running, "reconnecting") } else { run_status(page.state.kind()) };
    let name = script_name(&page.test).to_owned();
    let ended = page.ended.map(|ended| view! { <span><span class="k">"Ended"</span><time datetime=iso(ended)>{full(ended)}</time></span> });
    let started =
        page.started.filter(|_| live).map(|started| view! { <span><span class="k">"Started"</span><time datetime=iso(started)>{full(started)}</time></span> });
    let reason = (!page.reason.is_empty()).then(|| view! { <span><span class="k">"Reason"</span>{page.reason.clone()}</span> });
    let commit = (!page.manifest.tree_commit.is_empty())
        .then(|| view! { <span title=page.manifest.tree_commit_subject.clone()><span class="k">"Tree"</span><code>{digest(&page.manifest.tree_commit)}</code></span> });
    let place = page.manifest.placement.as_ref().map(|placement| {
        let runners = counted(u64::from(placement.runners), "runner", "runners");
        view! { <span><span class="k">"In"</span>{placement.cluster.clone()} ", " {runners}</span> }
    });
    view! {
        <header class="head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li><a href="/runs">"Runs"</a></li>
                    <li><span aria-current="page">{page.id.short()}</span></li>
                </ol>
            </nav>
            <h1><a class="quiet" href=href::app(&page.path)>{page.path.to_string()}</a> {name} {environment(&page.environment)} {tag(page.profile.word())} {state}</h1>
            <div class="acts">{actions(page, stop)}</div>
            <p class="facts-line">
                {started} {ended} <span><span class="k">"By"</span>{page.by.clone()}</span>
                <span><span class="k">"As"</span><code>{page.service_account.clone()}</code></span> {place} <span><span class="k">"Target"</span><code>{page.target.clone()}</code></span>
                {commit} {reason}
            </p>
            {locks(page)}
        </header>
    }
    .into_any()
}

fn actions(page: &RunPage, stop: ServerAction<StopRun>) -> AnyView {
    let stopping = matches!(page.state, RunState::Cancelling { .. } | RunState::Finishing { .. });
    let stop = (page.state.is_live() && !stopping).then(|| if page.stop.allowed { stop_menu(page, stop) } else { lock("Stop", &page.stop) });
    let again =
        if page.again.allowed { view! { <a class="btn" href=again(page)>{icon("play")} "Run again"</a> }.into_any() } else { lock("Run again", &page.again) };
    view! { {again} {stop} }.into_any()
}

/// In place of a button: what, and that it is locked. The reason stands below the head.
fn lock(what: &'static str, permission: &Permission) -> AnyView {
    view! { <span class="nb soft">{what} " " {locked(permission)}</span> }.into_any()
}

fn locks(page: &RunPage) -> AnyView {
    let stop = (page.state.is_live() && !page.stop.allowed).then(|| why("locked", &page.stop.why));
    let again = (!page.again.allowed && page.again.why != page.stop.why).then(|| why("locked", &page.again.why));
    view! { {stop} {again} }.into_any()
}

/// Asks once more before it stops: without script, because it is a disclosure.
fn stop_menu(page: &RunPage, stop: ServerAction<StopRun>) -> AnyView {
    let id = page.id.to_string();
    let what_follows = if page.state.kind().is_before_start() {
        "It has not begun, and will not."
    } else {
        "k6 lets the running iterations end and runs its teardown. What was measured so far is kept; the run gets no verdict."
    };
    let pending = stop.pending();
    view! {
        <details class="menu confirm">
            <summary class="btn stop">{icon("stop")} "Stop this run" {icon("caret")}</summary>
            <div class="over">
                <p>{what_follows}</p>
                <ActionForm action=stop>
                    <input type="hidden" name="id" value=id />
                    <button class="btn stop" type="submit" disabled=move || pending.get()>
                        {icon("stop")}
                        {move || if pending.get() { "Stopping" } else { "Stop now" }}
                    </button>
                </ActionForm>
            </div>
        </details>
    }
    .into_any()
}

/// The launch form, filled as this run was: parameters and reason too, and the load where it was set by hand.
pub(super) fn again(page: &RunPage) -> String {
    let option = |prefix: &str| {
        let set = page.manifest.options.iter().find_map(|option| option.strip_prefix(prefix));
        set.filter(|_| page.profile == Profile::Load).unwrap_or_default().to_owned()
    };
    href::launch_again(&LaunchRequest {
        path: page.path.to_string(),
        test: page.test.clone(),
        profile: page.profile.word().to_owned(),
        vus: option("--vus="),
        duration: option("--duration="),
        runners: page.manifest.placement.as_ref().map(|placement| placement.runners.to_string()).unwrap_or_default(),
        env: page.manifest.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n"),
        reason: page.reason.clone(),
        ..LaunchRequest::default()
    })
}

/// Why the run was not stopped.
pub(super) fn refused(error: &ApiError) -> AnyView {
    notice(Tone::Fail, "Not stopped", &error.to_string())
}

/// `12:04:31 UTC`.
pub(super) fn clock_utc(at: windfirm_model::clock::Timestamp) -> String {
    format!("{} UTC", clock(at))
}
