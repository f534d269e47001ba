//! Secrets that the tests of an app get: how old each is, whether it works since it changed, and the way to find out.

use leptos::prelude::*;
use windfirm_model::view::{
    app::{AppPage, TestRow},
    secret::{SecretRow, SecretTold, Since},
};

use super::cluster::moment;
use crate::{
    href,
    ui::{
        icon::icon,
        layout::{scroll, section},
        status::{Tone, locked, status},
        text::rich,
    },
};

/// Nothing where the policy gives the tests none.
pub(super) fn secrets(page: &AppPage) -> AnyView {
    if page.secrets.is_empty() {
        return ().into_any();
    }
    let rows = page.secrets.iter().map(|secret| row(page, secret)).collect_view();
    let table = view! {
        <table class="dense stack wraps">
            <thead>
                <tr>
                    <th scope="col">"Secret"</th>
                    <th scope="col">"Tests get"</th>
                    <th scope="col">"Last changed"</th>
                    <th scope="col">"Since then"</th>
                    <th scope="col" class="end"><span class="vh">"Action"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    let note = "The policy names these keys, and the cluster hands them to the runners. What stands in them never comes here; but k6's log shows what a script prints, so a script must not print them.";
    let content = view! { {scroll("Secrets of the tests", table.into_any())} <p class="note">{note}</p> };
    section("secrets", "Secrets of the tests", "", ().into_any(), content.into_any())
}

fn row(page: &AppPage, secret: &SecretRow) -> AnyView {
    let keys = secret
        .keys
        .iter()
        .map(|(variable, key)| view! { <li><code>{variable.clone()}</code> <span class="from">"key " {key.clone()}</span></li> })
        .collect_view();
    let namespace = if let SecretTold::Known { namespace, .. } = &secret.told { Some(namespace.clone()) } else { None };
    let namespace = namespace.map(|namespace| view! { <span class="sub">"in namespace " <code>{namespace}</code></span> });
    let rules = view! { <span class="sub">"policy: " {secret.rules.join(", ")}</span> };
    view! {
        <tr>
            <th scope="row" class="full"><code>{secret.name.clone()}</code> {namespace} {rules}</th>
            <td data-h="Tests get"><ul>{keys}</ul></td>
            {told(page, secret)}
            <td class="end tail">{smoke(page, secret)}</td>
        </tr>
    }
    .into_any()
}

fn told(page: &AppPage, secret: &SecretRow) -> AnyView {
    let (tone, word, why) = match &secret.told {
        SecretTold::Known { created, changed, by, copied, since, .. } => {
            let by = by.as_ref().map(|by| view! { " by " <code>{by.clone()}</code> });
            let made = if created == changed {
                view! { <span class="sub">"as it was made"</span> }.into_any()
            } else {
                view! { <span class="sub">"made " {moment(*created, page.now)}</span> }.into_any()
            };
            let copy = copied.then(|| {
                let sentence = "Its values stand in its metadata too, where `kubectl apply` puts a copy. Apply it with `--server-side`, and take the annotation `kubectl.kubernetes.io/last-applied-configuration` off.";
                view! { <span class="sub broken">{rich(sentence)}</span> }
            });
            return view! {
                <td data-h="Last changed">{moment(*changed, page.now)} {by} {made} {copy}</td>
                <td data-h="Since then">{worked(page, since)} {waits(secret)}</td>
            }
            .into_any();
        }
        SecretTold::NotAsked { why } => (Tone::Unknown, "not asked", why),
        SecretTold::Missing { why } => (Tone::Fail, "missing", why),
        SecretTold::Refused { why } => (Tone::Fail, "not to be seen", why),
    };
    view! { <td class="full" colspan="2">{status(tone, word)} <span class="sub">{rich(why)}</span> {waits(secret)}</td> }.into_any()
}

fn worked(page: &AppPage, since: &Since) -> AnyView {
    match since {
        Since::Passed { run, at } => {
            let link = view! { <a class="mono" href=href::run(*run)>{run.short()}</a> };
            view! { {status(Tone::Pass, "works")} <span class="sub">"run " {link} " passed, launched " {moment(*at, page.now)}</span> }.into_any()
        }
        Since::NotYet => view! { {status(Tone::Unknown, "not tried")} <span class="sub">"no run that had it has passed since"</span> }.into_any(),
        Since::Hidden => view! { {status(Tone::Locked, "locked")} <span class="sub">"runs of this app are not yours to see"</span> }.into_any(),
    }
}

/// The run that starts when it changes.
fn waits(secret: &SecretRow) -> Option<AnyView> {
    secret.waiting.map(|run| {
        let link = view! { <a class="mono" href=href::run(run)>{run.short()}</a> };
        view! { <span class="sub">"run " {link} " starts when it changes"</span> }.into_any()
    })
}

/// To the launch form with the smoke test, at once or when the Secret changes. It acts as the reader's own account, as every launch.
fn smoke(page: &AppPage, secret: &SecretRow) -> AnyView {
    if !page.launch.allowed {
        return locked(&page.launch);
    }
    let Some((test, profile)) = smoke_test(&page.tests) else { return view! { <span class="mute">"no test to try it with"</span> }.into_any() };
    let with = || view! { <span class="vh">{format!(": {} with Secret {}", test.name, secret.name)}</span> };
    let link = href::launch_as(&page.path, &test.path, profile);
    let later = secret.waiting.is_none().then(|| {
        let link = href::launch_after(&page.path, &test.path, profile, &secret.name);
        view! { <a class="btn sm" href=link>"Try when it changes" {with()}</a> }
    });
    view! {
        <p class="acts">
            <a class="btn sm" href=link>{icon("play")} "Try it" {with()}</a> {later}
        </p>
    }
    .into_any()
}

/// The test that is called smoke; otherwise the first one, with the profile that makes any test small.
fn smoke_test(tests: &[TestRow]) -> Option<(&TestRow, &'static str)> {
    let named = tests.iter().find(|test| test.name.split('.').next() == Some("smoke")).map(|test| (test, ""));
    named.or_else(|| tests.first().map(|test| (test, "smoke")))
}

#[cfg(test)]
mod tests {
    use windfirm_model::view::app::TestOptions;

    use super::*;

    #[test]
    fn the_test_called_smoke_is_taken_or_the_first_one_made_small() {
        let test = |name: &str| TestRow {
            path: format!("k6/{name}"),
            name: name.to_owned(),
            digest: String::new(),
            options: TestOptions::Unread { why: String::new() },
        };
        let chosen = |names: &[&str]| {
            let tests: Vec<TestRow> = names.iter().map(|name| test(name)).collect();
            smoke_test(&tests).map(|(test, profile)| format!("{} {profile}", test.name))
        };
        assert_eq!(chosen(&["a.js", "smoke.js"]).as_deref(), Some("smoke.js "));
        assert_eq!(chosen(&["smoke.test.ts"]).as_deref(), Some("smoke.test.ts "));
        assert_eq!(chosen(&["a.js", "smoker.js"]).as_deref(), Some("a.js smoke"));
        assert_eq!(chosen(&[]), None);
    }
}
