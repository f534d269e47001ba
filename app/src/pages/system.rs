//! `/system`: the state of the portal itself, for those who run it.

use leptos::prelude::*;
use windfirm_model::view::system::{self, AskedCluster, PartRow};

use crate::{
    api::rules::{AskClusters, system},
    ui::{
        cluster::{ask_now, asked_now, reload_when_asked},
        format::{ago, count, counted, date_time, digest, full, iso},
        layout::{head, nothing, notice, scroll, section},
        loaded::loaded,
        status::{Tone, status, status_big, status_plain},
        text::{rich, why},
    },
};

#[component]
pub fn SystemPage() -> impl IntoView {
    let page = Resource::new(|| (), |()| system());
    let ask = ServerAction::<AskClusters>::new();
    reload_when_asked(ask, move || page.refetch());
    loaded("System", page, move |page| system_view(&page, ask))
}

/// The whole page.
#[must_use]
pub fn system_view(page: &system::SystemPage, ask: ServerAction<AskClusters>) -> AnyView {
    let now = view! { <p class="mute">{format!("version {}, as of {}", page.version, full(page.now))}</p> }.into_any();
    view! {
        {head("System", now)}
        {verdict(&page.parts)}
        {partial(page)}
        <div class="cols">
            <div>{parts(&page.parts)} {clusters(page, ask)}</div>
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
    let away = page.clusters.iter().filter(|cluster| cluster.away.is_some()).map(|cluster| format!("`{}`", cluster.name)).collect::<Vec<_>>();
    let clusters = (!away.is_empty()).then(|| {
        let sentence =
            format!("{} cannot be reached. Nothing can be started there, and what is shown of it is old; below stands since when, and why.", away.join(", "));
        notice(Tone::Fail, if away.len() == 1 { "Cluster away" } else { "Clusters away" }, &sentence)
    });
    view! { {clusters} {tree} {policy} }.into_any()
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

/// What one cluster says, in a word; that it cannot be reached comes before what it said when it could.
fn answer(cluster: &AskedCluster) -> (Tone, String) {
    match (&cluster.away, cluster.asked, cluster.lacking, cluster.unknown) {
        (Some(_), ..) => (Tone::Fail, "away".to_owned()),
        (None, None, ..) => (Tone::Unknown, "not asked yet".to_owned()),
        (None, Some(_), 0, 0) if cluster.accounts == 0 => (Tone::Unknown, "no account of the policy is used there".to_owned()),
        (None, Some(_), 0, 0) => (Tone::Pass, "everything granted".to_owned()),
        (None, Some(_), 0, unknown) => (Tone::Unknown, format!("{unknown} of {} not known", cluster.accounts)),
        (None, Some(_), lacking, _) => (Tone::Fail, format!("{lacking} of {} lack something", cluster.accounts)),
    }
}

/// What the clusters answered of the accounts of the policy. Nothing where no runs are carried out in one.
fn clusters(page: &system::SystemPage, ask: ServerAction<AskClusters>) -> AnyView {
    if page.clusters.is_empty() {
        return ().into_any();
    }
    let row = |cluster: &AskedCluster| {
        let (tone, word) = answer(cluster);
        // What came of asking one that is away says nothing; since when it is away stands beside it.
        let answered = cluster.asked.filter(|_| cluster.away.is_none());
        let asked = answered.map(|at| view! { <time datetime=iso(at) title=full(at)>{ago(at, page.now)}</time> });
        view! {
            <tr class=(cluster.lacking > 0 || cluster.away.is_some()).then_some("red")>
                <th scope="row" class="full">{cluster.name.clone()}</th>
                <td class="full">
                    {status_plain(tone, word)}
                    {cluster.away.as_ref().map(|away| view! { <span class="sub">{format!("since {}: ", ago(away.since, page.now))} {rich(&away.why)}</span> })}
                </td>
                <td class="num" data-h="Accounts">{cluster.accounts.to_string()}</td>
                <td class="num" data-h="Questions">{count(cluster.questions)}</td>
                <td class="num" data-h="Took">{answered.map(|_| format!("{} ms", count(cluster.took_ms)))}</td>
                <td class="num" data-h="Asked">{asked}</td>
            </tr>
        }
    };
    let table = view! {
        <table class="dense stack">
            <caption class="vh">"Clusters, and what they last answered of the accounts of the policy"</caption>
            <thead>
                <tr>
                    <th scope="col">"Cluster"</th>
                    <th scope="col">"Its answer"</th>
                    <th scope="col" class="num">"Accounts"</th>
                    <th scope="col" class="num">"Questions"</th>
                    <th scope="col" class="num">"Took"</th>
                    <th scope="col" class="num">"Asked"</th>
                </tr>
            </thead>
            <tbody>{page.clusters.iter().map(row).collect_view()}</tbody>
        </table>
    };
    let content = view! {
        {asked_now(ask)}
        {scroll("Clusters", table.into_any())}
        <p class="note">"Each is asked again every few seconds. What is missing stands on the " <a href="/access#x-accounts">"access page"</a> "."</p>
    };
    section("y-clusters", "What accounts may do in clusters", "", ask_now(ask), content.into_any())
}

fn work(page: &system::SystemPage) -> AnyView {
    let waiting = if page.queue_length == 0 { "nothing waits".to_owned() } else { "for a free slot".to_owned() };
    let content = if page.clusters.is_empty() {
        numbers(page, waiting)
    } else {
        let place =
            |name: String, running: u32, slots: u32| view! { <dt>{name}</dt> <dd>{format!("{} running, {}", count(u64::from(running)), of(slots))}</dd> };
        view! {
            <dl class="facts">
                {place("This machine".to_owned(), page.running, page.slots)}
                {page.clusters.iter().map(|cluster| place(cluster.name.clone(), cluster.running, cluster.slots)).collect_view()}
                <dt>"In the queue"</dt>
                <dd>{count(u64::from(page.queue_length))} <span class="from">{waiting}</span></dd>
            </dl>
        }
        .into_any()
    };
    section("y-work", "Runs", "", ().into_any(), content)
}

fn of(slots: u32) -> String {
    format!("of {}", counted(u64::from(slots), "slot", "slots"))
}

fn numbers(page: &system::SystemPage, waiting: String) -> AnyView {
    view! {
        <dl class="nums">
            <div><dt>"Running"</dt><dd>{count(u64::from(page.running))} <span class="d">{of(page.slots)}</span></dd></div>
            <div><dt>"In the queue"</dt><dd>{count(u64::from(page.queue_length))} <span class="d">{waiting}</span></dd></div>
        </dl>
    }
    .into_any()
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
