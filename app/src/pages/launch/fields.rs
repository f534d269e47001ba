//! The fields of the launch form: which test, which profile, how much, and why.

use leptos::prelude::*;
use windfirm_model::{
    run::Profile,
    view::{
        app::{TestOptions, TestRow},
        launch::{LaunchForm, LaunchRequest, MAX_ENV_CHARACTERS, MAX_REASON_CHARACTERS, ProfileRow},
    },
};

use super::Draft;
use crate::ui::{
    format::{digest, duration},
    icon::inked,
    layout::scroll,
};

/// Numbers and durations are short.
const MAX_NUMBER_CHARACTERS: usize = 20;

/// Puts a text into its place in the request.
type Put = fn(&mut LaunchRequest, String);

pub(super) fn fields(form: &LaunchForm, draft: Draft) -> AnyView {
    let request = &form.request;
    let profiles = form.profiles.iter().map(|row| profile(row, request, draft)).collect_view();
    let (path, once) = (form.path.to_string(), request.once.clone());
    let what = what(form, draft);
    let hint = "Empty: as the profile says. Only the load profile takes it.";
    let vus = text_field(draft, "vus", "VUs", "numeric", &request.vus, hint, |request, text| request.vus = text);
    let hint = "Empty: as the profile says. `90s`, `6m`, `1h`.";
    let duration = text_field(draft, "duration", "Duration", "text", &request.duration, hint, |request, text| request.duration = text);
    // Only a cluster has room for more than one.
    let runners = form.cluster.is_some().then(|| {
        let hint = "Empty: one. So many pods of k6 share the load.";
        text_field(draft, "runners", "Runners", "numeric", &request.runners, hint, |request, text| request.runners = text)
    });
    let start = (!form.secrets.is_empty() || !request.after.is_empty()).then(|| start(form, draft));
    let hint = "One NAME=value a line. No secrets: they would stand in the manifest.";
    let env = area_field(draft, "env", "Environment variables", "input mono", &request.env, hint, |request, text| request.env = text);
    let reason =
        area_field(draft, "reason", "Reason", "input", &request.reason, "Stands in the audit log and on the run.", |request, text| request.reason = text);
    view! {
        <ActionForm action=draft.launch attr:class="form" attr:id="launch" attr:aria-label="Run">
            <input type="hidden" name="request[path]" value=path />
            <input type="hidden" name="request[once]" value=once />
            {what}
            <fieldset>
                <legend>"Profile"</legend>
                <div class="choice">{profiles}</div>
                {error(draft, "profile")}
            </fieldset>
            <div class="fields">{vus} {duration} {runners} {start}</div>
            <div class="fields">{env} {reason}</div>
        </ActionForm>
    }
    .into_any()
}

/// At once, or when a Secret of the tests changes.
fn start(form: &LaunchForm, draft: Draft) -> AnyView {
    let mut names: Vec<&str> = form.secrets.iter().map(|given| given.secret.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let wanted = form.request.after.as_str();
    let options = names.iter().map(|name| {
        let (value, chosen) = ((*name).to_owned(), *name == wanted);
        view! { <option value=value.clone() selected=chosen>{format!("when Secret {value} changes")}</option> }
    });
    // What an address brought and is not there stays chosen, with what is wrong about it below.
    let other = (!wanted.is_empty() && !names.contains(&wanted))
        .then(|| view! { <option value=wanted.to_owned() selected=true>{format!("when Secret {wanted} changes")}</option> });
    let invalid = move || draft.field_error("after").map(|_| "true");
    view! {
        <div class="field">
            <label for="after">"Start"</label>
            <select
                class="input"
                id="after"
                name="request[after]"
                aria-invalid=invalid
                aria-describedby="after-hint"
                on:change=move |event| draft.typed("after", event_target_value(&event), |request, text| request.after = text)
            >
                <option value="" selected=wanted.is_empty()>"at once"</option>
                {options.collect_view()}
                {other}
            </select>
            {hint_or_error(draft, "after", "When a Secret changes: it waits for that up to 4 h, and is judged again then.")}
        </div>
    }
    .into_any()
}

fn what(form: &LaunchForm, draft: Draft) -> AnyView {
    let rows = form.tests.iter().enumerate().map(|(index, test)| test_rows(index, test, &form.request, draft)).collect_view();
    // k6's message stands in the row of a test that it cannot load.
    let told = form.tests.iter().filter_map(|test| if let TestOptions::Broken { message } = &test.options { Some(message.clone()) } else { None }).collect();
    let meta = match &form.tests_at {
        Some(commit) => format!("{} as deployed, at {}", form.path, digest(commit)),
        None => format!("{} at tree revision {}", form.path, digest(&form.revision.commit)),
    };
    let table = scroll(
        "Tests of this app",
        view! {
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col"><span class="vh">"Choose"</span></th>
                        <th scope="col">"Test"</th>
                        <th scope="col">"What k6 would do"</th>
                        <th scope="col" class="num">"VUs"</th>
                        <th scope="col" class="num">"At most"</th>
                        <th scope="col" class="num">"Thresholds"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any(),
    );
    view! {
        <section class="sec first" aria-labelledby="what">
            <div class="sec-head"><h2 id="what">"What"</h2><span class="meta">{meta}</span></div>
            {table} {error_but(draft, "test", told)}
        </section>
    }
    .into_any()
}

fn test_rows(index: usize, test: &TestRow, request: &LaunchRequest, draft: Draft) -> AnyView {
    let path = test.path.clone();
    let id = format!("test-{index}");
    let broken = matches!(test.options, TestOptions::Broken { .. });
    let radio = view! {
        <input
            type="radio"
            id=id.clone()
            name="request[test]"
            value=path.clone()
            checked=request.test == path
            disabled=broken
            on:change=move |_| draft.request.update(|request| request.test.clone_from(&path))
        />
    };
    let name = view! { <th scope="row"><label for=id><code>{test.path.clone()}</code></label></th> };
    match &test.options {
        TestOptions::Read { scenarios, max_vus, duration_s, thresholds, unbounded } => {
            let executors = scenarios.iter().map(|scenario| format!("{} ({})", scenario.name, scenario.executor)).collect::<Vec<_>>().join(", ");
            let takes = if *unbounded { "no end".to_owned() } else { duration(*duration_s) };
            view! {
                <tr>
                    <td>{radio}</td>
                    {name}
                    <td>{executors}</td>
                    <td class="num">{max_vus.to_string()}</td>
                    <td class="num">{takes}</td>
                    <td class="num" title=thresholds.join(", ")>{thresholds.len().to_string()}</td>
                </tr>
            }
            .into_any()
        }
        TestOptions::Broken { message } => view! {
            <tr>
                <td>{radio}</td>
                {name}
                <td colspan="4"><span class="st fail plain">{inked("s-fail", "fail")} <span class="w">"k6 cannot load it"</span></span></td>
            </tr>
            <tr><td></td><td colspan="5"><pre class="code" tabindex="0" role="region" aria-label="k6’s message"><code>{message.clone()}</code></pre></td></tr>
        }
        .into_any(),
        TestOptions::Unread { why } => view! {
            <tr>
                <td>{radio}</td>
                {name}
                <td colspan="4"><span class="st unknown plain">{inked("s-unknown", "unknown")} <span class="w">{why.clone()}</span></span></td>
            </tr>
        }
        .into_any(),
    }
}

/// Where the choice of a profile stands.
pub(super) fn profile_id(profile: Profile) -> String {
    format!("profile-{}", profile.word())
}

fn profile(row: &ProfileRow, request: &LaunchRequest, draft: Draft) -> AnyView {
    let word = row.profile.word();
    let chosen = request.profile == word || (request.profile.is_empty() && row.profile == Profile::default());
    let is_chosen = move || draft.request.with(|request| request.profile == word);
    let title = match word {
        "script" => "Script",
        "smoke" => "Smoke",
        _ => "Load",
    };
    view! {
        <label>
            <b>
                <input
                    type="radio"
                    id=profile_id(row.profile)
                    name="request[profile]"
                    value=word
                    checked=chosen
                    prop:checked=is_chosen
                    on:change=move |_| draft.request.update(|request| word.clone_into(&mut request.profile))
                />
                {title}
            </b>
            {row.sentence.clone()}
        </label>
    }
    .into_any()
}

fn text_field(draft: Draft, name: &'static str, label: &'static str, mode: &'static str, value: &str, hint: &'static str, put: Put) -> AnyView {
    let invalid = move || draft.field_error(name).map(|_| "true");
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                class="input"
                id=name
                name=format!("request[{name}]")
                value=value.to_owned()
                inputmode=mode
                maxlength=MAX_NUMBER_CHARACTERS
                autocomplete="off"
                aria-invalid=invalid
                aria-describedby=format!("{name}-hint")
                on:input=move |event| draft.typed(name, event_target_value(&event), put)
            />
            {hint_or_error(draft, name, hint)}
        </div>
    }
    .into_any()
}

fn area_field(draft: Draft, name: &'static str, label: &'static str, class: &'static str, value: &str, hint: &'static str, put: Put) -> AnyView {
    let invalid = move || draft.field_error(name).map(|_| "true");
    let most = if name == "env" { MAX_ENV_CHARACTERS } else { MAX_REASON_CHARACTERS };
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <textarea
                class=class
                id=name
                name=format!("request[{name}]")
                rows="3"
                maxlength=most
                spellcheck=if name == "env" { "false" } else { "true" }
                aria-invalid=invalid
                aria-describedby=format!("{name}-hint")
                on:input=move |event| draft.typed(name, event_target_value(&event), put)
            >
                {crate::platform::raw_text(value)}
            </textarea>
            {hint_or_error(draft, name, hint)}
        </div>
    }
    .into_any()
}

/// Below a field: how to fill it, or what is wrong with what stands in it.
fn hint_or_error(draft: Draft, name: &'static str, hint: &'static str) -> AnyView {
    let id = format!("{name}-hint");
    let class = move || if draft.field_error(name).is_some() { "hint ink fail" } else { "hint" };
    view! { <span class=class id=id>{move || crate::ui::text::rich(&draft.field_error(name).unwrap_or_else(|| hint.to_owned()))}</span> }.into_any()
}

/// What is wrong with a choice.
fn error(draft: Draft, name: &'static str) -> AnyView {
    (move || draft.field_error(name).map(|sentence| view! { <p class="hint ink fail" role="alert">{sentence}</p> })).into_any()
}

/// The error of a field, unless it stands elsewhere on the page already.
fn error_but(draft: Draft, name: &'static str, told: Vec<String>) -> AnyView {
    (move || draft.field_error(name).filter(|sentence| !told.contains(sentence)).map(|sentence| view! { <p class="hint ink fail" role="alert">{sentence}</p> }))
        .into_any()
}

/// Whether there is room for it.
pub(super) const fn place(waits: bool) -> &'static str {
    if waits { "all places are taken: a run starts when one is free" } else { "a place is free: a run starts at once" }
}
