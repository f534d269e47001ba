//! `/system`: the state of the portal itself, for those who run it.

use leptos::prelude::*;
use windfirm_model::view::system::{self, PartRow};

use crate::{
    api::rules::system,
    ui::{
        format::{ago, count, counted, date_time, digest, full, iso},
        layout::{head, nothing, notice, scroll, section},
        loaded::loaded,
        status::{Tone, status, status_big},
        text::{rich, why},
    },
};

#[component]
pub fn SystemPage() -> impl IntoView {
    let page = Resource::new(|| (), |()| system());
    loaded("System", page, |page| system_view(&page))
}

/// The whole page.
#[must_use]
pub fn system_view(page: &system::SystemPage) -> AnyView {
    let now = view! { <p class="mute">{format!("version {}, as of {}", page.version, full(page.now))}</p> }.into_any();
    view! {
        {head("System", now)}
        {verdict(&page.parts)}
        {partial(page)}
        <div class="cols">
            <div>{parts(&page.parts)}</div>
            <aside aria-label="Work, tree and policy">{work(page)} {tree(page)} {policy(page)}</aside>
        </div>
    }
    .into_any()
}

/// The answer first: does everything work.
fn verdict(parts: &[PartRow]) -> AnyView {
    let broken: Vec<&str> = parts.iter().filter(|part| !part.healthy).map(|part| part.name.as_str()).collect();
    let (tone, word, sentence) = match (parts.len(), broken.as_slice()) {
        (0, _) => (Tone::Unknown, "Unknown", "No part of the portal has said how it is.".to_owned()),
        (all, []) => (Tone::Pass, "Healthy", format!("All {all} parts work.")),
        (all, names) => (
            Tone::Fail,
            "Not healthy",
            format!("{} of {all} parts {} not work as wanted: {}.", names.len(), if names.len() == 1 { "does" } else { "do" }, names.join(", ")),
        ),
    };
    view! {
        <section class=format!("verdict {}", tone.class()) aria-labelledby="y-verdict">
            <div><h2 id="y-verdict">{status_big(tone, word)}</h2></div>
            <div class="flow">
                <p>{sentence}</p>
                <p class="mute">"Machines read the same, in short, from " <code>"/health/ready"</code> "."</p>
            </div>
        </section>
    }
    .into_any()
}

/// What works, but with something older than it should be.
fn partial(page: &system::SystemPage) -> AnyView {
    let tree = page.tree.stale.as_deref().map(|why| match page.tree.is_unread() {
        true => notice(Tone::Fail, "No tree", &format!("No commit could be read since the portal started, so nobody sees an app: {why}")),
        false => notice(Tone::Inconclusive, "Older tree", &format!("The newest commit could not be read, so an older one is shown: {why}")),
    });
    let policy = page.policy.newer_refused.then(|| {
        notice(Tone::Inconclusive, "Older policy", "A newer policy has errors and was refused; the one before stays in force. The policy page names them.")
    });
    view! { {tree} {policy} }.into_any()
}

fn parts(parts: &[PartRow]) -> AnyView {
    if parts.is_empty() {
        return section("y-parts", "Parts", "", ().into_any(), nothing("Nothing is known of any part."));
    }
    let rows = parts
        .iter()
        .map(|part| {
            let (tone, word) = if part.healthy { (Tone::Pass, "works") } else { (Tone::Fail, "does not") };
            view! {
                <tr class=(!part.healthy).then_some("red")>
                    <th scope="row">{part.name.clone()}</th>
                    <td class="tail">{status(tone, word)}</td>
                    <td class="full">{rich(&part.sentence)}</td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="dense stack wrap">
            <caption class="vh">"Parts of the portal"</caption>
            <thead>
                <tr>
                    <th scope="col">"Part"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"What it says"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any();
    section("y-parts", "Parts", "", ().into_any(), scroll("Parts", table))
}

fn work(page: &system::SystemPage) -> AnyView {
    let waiting = if page.queue_length == 0 { "nothing waits".to_owned() } else { "for a free slot".to_owned() };
    let content = view! {
        <dl class="nums">
            <div><dt>"Running"</dt><dd>{count(u64::from(page.running))} <span class="d">{format!("of {}", counted(u64::from(page.slots), "slot", "slots"))}</span></dd></div>
            <div><dt>"In the queue"</dt><dd>{count(u64::from(page.queue_length))} <span class="d">{waiting}</span></dd></div>
        </dl>
    }
    .into_any();
    section("y-work", "Runs", "", ().into_any(), content)
}

fn tree(page: &system::SystemPage) -> AnyView {
    let tree = &page.tree;
    if tree.commit.is_empty() {
        let content = view! { {why("fail", "The tree could not be read yet, so nobody sees an app. The part `tree` says why.")} }.into_any();
        return section("y-tree", "Tree", "", ().into_any(), content);
    }
    let whole = tree.commit.clone();
    let content = view! {
        <dl class="facts">
            <dt>"Source"</dt>
            <dd><code>{tree.source.clone()}</code></dd>
            <dt>"Commit"</dt>
            <dd><code title=whole>{digest(&tree.commit)}</code> <span class="from">{format!("{}, {}", tree.subject, tree.author)}</span></dd>
            <dt>"Committed"</dt>
            <dd><time datetime=iso(tree.committed)>{date_time(tree.committed)}</time></dd>
            <dt>"Read"</dt>
            <dd><time datetime=iso(tree.read)>{ago(tree.read, page.now)}</time></dd>
        </dl>
    }
    .into_any();
    section("y-tree", "Tree", "", ().into_any(), content)
}

fn policy(page: &system::SystemPage) -> AnyView {
    let policy = &page.policy;
    let whole = policy.digest.clone();
    let content = view! {
        <dl class="facts">
            <dt>"Version"</dt>
            <dd><code title=whole>{digest(&policy.digest)}</code></dd>
            <dt>"In force"</dt>
            <dd><time datetime=iso(policy.since)>{format!("since {}", date_time(policy.since))}</time></dd>
        </dl>
    }
    .into_any();
    section("y-policy", "Policy", "", ().into_any(), content)
}
