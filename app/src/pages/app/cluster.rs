//! What the app's cluster says of it: how it stands, what runs and since when, beside what Git has; each with its age.

use leptos::prelude::*;
use windfirm_model::{
    clock::Timestamp,
    view::{
        app::AppPage,
        cluster::{
            AccountFindings, AgainstGit, ClusterState, Found, LiveFacts, LiveState, LiveTold, OperationFacts, OrphansWord, ProjectFacts, ProjectFinding,
            RevisionRow, Settled,
        },
    },
};

use crate::{
    href,
    ui::{
        cluster::{answer, asked, breaks, found, health, reasons, sentences, short_revision, sync},
        format::{ago, counted, digest, full, iso, short, stopwatch},
        icon::icon,
        layout::{nothing, scroll, section},
        status::{Tone, environment, status, status_plain},
        text::{rich, why, why_with},
    },
};

/// Apps whose launches an account locks, shown as links.
const LINKS: usize = 8;

/// The section of the overview. Nothing where no cluster is read, or where that is not the reader's to know.
pub(super) fn in_cluster(page: &AppPage) -> AnyView {
    let Some(facts) = &page.live else { return ().into_any() };
    let content = match &facts.told {
        None => view! { {absent(page, facts)} {deployments(page)} }.into_any(),
        Some(told) => view! { {alone(facts)} {list(page, &facts.state, told)} {deployments(page)} }.into_any(),
    };
    section("in-cluster", "In the cluster", age(page.cluster_state.as_ref(), page.now), ().into_any(), content)
}

/// Health and sync beside the name of the app.
pub(super) fn beside_name(page: &AppPage) -> AnyView {
    let Some(LiveFacts { state, .. }) = &page.live else { return ().into_any() };
    let word = if state.health.is_none() && state.sync.is_none() { found(state.found) } else { None };
    view! { " " {state.health.map(health)} " " {state.sync.map(sync)} {word.map(|word| view! { <span class="tag">{word}</span> })} }.into_any()
}

fn age(cluster: Option<&ClusterState>, now: Timestamp) -> String {
    match cluster {
        None => String::new(),
        Some(ClusterState { name, heard: None, .. }) => format!("{name} has not been heard of yet"),
        Some(ClusterState { name, heard: Some(heard), away, .. }) => {
            let word = if away.is_some() { "was last heard of" } else { "heard" };
            format!("{name}, {word} {}", ago(*heard, now))
        }
    }
}

/// No cluster has it.
fn absent(page: &AppPage, facts: &LiveFacts) -> AnyView {
    let name = page.cluster_state.as_ref().map_or_else(|| "its cluster".to_owned(), |cluster| format!("`{}`", cluster.name));
    if facts.state.found == Found::NotHeard {
        return nothing(&format!("Not known: {name} has not told yet all that it holds."));
    }
    nothing(&format!("Git has this app, and {name} has not, or not yet. Argo CD makes it with the next sync of the app above."))
}

/// Only a cluster has it.
fn alone(facts: &LiveFacts) -> AnyView {
    let sentence = "Only the cluster has this app: no manifest of the tree makes it at this commit. Another repository, a template or a hand did.";
    (facts.state.found == Found::ClusterOnly).then(|| view! { <div class="note">{why("", sentence)}</div> }).into_any()
}

fn fact(name: &'static str, value: AnyView) -> AnyView {
    view! { <dt>{name}</dt> <dd>{value}</dd> }.into_any()
}

/// A fact that not every app has.
fn fact_if(name: &'static str, there: bool, value: impl FnOnce() -> AnyView) -> Option<AnyView> {
    there.then(|| fact(name, value()))
}

fn list(page: &AppPage, state: &LiveState, told: &LiveTold) -> AnyView {
    let now = page.now;
    let elsewhere =
        told.environment != page.environment || told.destination_namespace != page.destination_namespace || told.destination_cluster != page.cluster;
    let withheld = told
        .messages_withheld
        .then(|| nothing("Argo CD wrote messages about this app. They may name apps that you may not see, so they are for those who see everything below it."));
    view! {
        <dl class="facts">
            {(state.health.is_some() || state.sync.is_some()).then(|| fact("Stands", stands(state, told, now)))}
            {state.settled.as_ref().map(|settled| fact("Settled", settled_words(settled)))}
            {told.deleting.map(|at| fact("Deleting", view! { "somebody asked to delete it " {moment(at, now)} }.into_any()))}
            {fact_if("Differs", !told.disagreements.is_empty(), || sentences_of(&told.disagreements))}
            {fact_if("Runs", !told.revisions.is_empty(), || revisions(page, &told.revisions))}
            {fact_if("Deployed to", elsewhere, || deployed_to(told))}
            {fact_if("Images", !told.images.is_empty(), || codes(&told.images))}
            {fact_if("Addresses", !told.urls.is_empty(), || addresses(&told.urls))}
            {operation_fact(told, now)}
            {page.project.as_ref().map(|facts| fact("Project", project(facts)))}
            {fact_if("Conditions", !told.conditions.is_empty(), || conditions(told))}
            {fact_if("Resources", told.resources > 0, || resources(told))}
            {told.provenance.as_ref().map(|sentence| fact("Made by", rich(sentence)))}
            {told.reconciled.map(|at| fact("Looked at", view! { "by Argo CD " {moment(at, now)} }.into_any()))}
        </dl>
        {withheld}
    }
    .into_any()
}

pub(super) fn moment(at: Timestamp, now: Timestamp) -> AnyView {
    view! { <time datetime=iso(at) title=full(at)>{ago(at, now)}</time> }.into_any()
}

fn stands(state: &LiveState, told: &LiveTold, now: Timestamp) -> AnyView {
    let since = told.health_since.map(|at| view! { <span class="from">"its health since " {moment(at, now)}</span> });
    let message = told.health_message.clone().map(|message| view! { <span class="from">{message}</span> });
    view! { <span class="stand">{state.health.map(health)} {state.sync.map(sync)}</span> {since} {message} }.into_any()
}

fn settled_words(settled: &Settled) -> AnyView {
    match settled {
        Settled::Yes => view! { "yes " <span class="from">"synced, healthy, and nothing is about to change it"</span> }.into_any(),
        Settled::No { reasons } => view! { "no" {sentences_of(reasons)} }.into_any(),
    }
}

fn sentences_of(list: &[String]) -> AnyView {
    let list = list.iter().map(|sentence| view! { <li>{rich(sentence)}</li> }).collect_view();
    view! { <ul class="findings">{list}</ul> }.into_any()
}

/// What is deployed beside what the tree was read from.
fn revisions(page: &AppPage, rows: &[RevisionRow]) -> AnyView {
    let several = rows.len() > 1;
    let row = |row: &RevisionRow| {
        let of = several.then(|| view! { <span class="from"><code>{row.repository.clone()}</code></span> });
        let Some(deployed) = &row.deployed else { return view! { <li><span class="mute">"nothing deployed yet"</span> {of}</li> }.into_any() };
        let against = match row.against_git {
            AgainstGit::Same => view! { "the commit that this page was read from" }.into_any(),
            AgainstGit::Other if page.revision.commit.is_empty() => view! { "another commit than the one in Git" }.into_any(),
            AgainstGit::Other => view! { "not the commit that this page was read from, " <code>{digest(&page.revision.commit)}</code> }.into_any(),
            AgainstGit::Incomparable => view! { "not of the repository of the tree, so there is nothing to compare" }.into_any(),
        };
        view! { <li><code title=deployed.clone()>{short_revision(deployed)}</code> " " <span class="soft">{against}</span> {of}</li> }.into_any()
    };
    view! { <ul>{rows.iter().map(row).collect_view()}</ul> }.into_any()
}

fn deployed_to(told: &LiveTold) -> AnyView {
    let why = (!told.environment_why.is_empty()).then(|| view! { <span class="from">{rich(&told.environment_why)}</span> });
    view! { <code>{told.destination_namespace.clone()}</code> " in " {told.destination_cluster.clone()} " " {environment(&told.environment)} {why} }.into_any()
}

fn codes(list: &[String]) -> AnyView {
    view! { <ul>{list.iter().map(|text| view! { <li><code>{text.clone()}</code></li> }).collect_view()}</ul> }.into_any()
}

/// Anybody who may write an `Ingress` writes these: only what a browser opens as a page is a link.
fn addresses(urls: &[String]) -> AnyView {
    let row = |url: &String| {
        let plain = url.to_ascii_lowercase();
        if plain.starts_with("https://") || plain.starts_with("http://") {
            view! { <li><a href=url.clone() rel="noopener noreferrer nofollow">{url.clone()}</a></li> }.into_any()
        } else {
            view! { <li><code>{url.clone()}</code></li> }.into_any()
        }
    };
    view! { <ul>{urls.iter().map(row).collect_view()}</ul> }.into_any()
}

fn operation_fact(told: &LiveTold, now: Timestamp) -> Option<AnyView> {
    let asked = told.operation_asked.then(|| view! { <span class="from">"A sync is asked for, and may not have begun."</span> });
    match (&told.operation, asked) {
        (None, None) => None,
        (None, asked) => Some(fact("Last sync", asked.into_any())),
        (Some(last), asked) => Some(fact("Last sync", view! { {operation(last, now)} {asked} }.into_any())),
    }
}

fn operation(last: &OperationFacts, now: Timestamp) -> AnyView {
    let tone = match last.phase.as_str() {
        "Succeeded" => Tone::Pass,
        "Failed" | "Error" => Tone::Fail,
        "Running" | "Terminating" => Tone::Running,
        _ => Tone::Unknown,
    };
    let when = match (last.started, last.finished) {
        (started, Some(finished)) => {
            let took = started.map(|started| format!(", took {}", stopwatch(finished.micros_since(started) / 1_000_000)));
            Some(view! { " " {moment(finished, now)} {took} }.into_any())
        }
        (Some(started), None) => Some(view! { ", began " {moment(started, now)} }.into_any()),
        (None, None) => None,
    };
    let by = last.by.as_ref().map_or_else(|| "by Argo CD itself".to_owned(), |name| format!("asked for by {name}"));
    let partial = last.partial.then_some(", only some resources");
    let retries = (last.retries > 0).then(|| format!(", after {}", counted(u64::from(last.retries), "retry", "retries")));
    let revisions = revision_words(&last.revisions).map(|words| view! { ", " <code>{words}</code> });
    let message = last.message.clone().map(|message| view! { <span class="from">{message}</span> });
    view! { {status_plain(tone, last.phase.to_lowercase())} {when} <span class="from">{by} {partial} {retries} {revisions}</span> {message} }.into_any()
}

fn revision_words(revisions: &[String]) -> Option<String> {
    let mut words: Vec<String> = revisions.iter().map(|text| short_revision(text)).collect();
    words.dedup();
    (!words.is_empty()).then(|| words.join(", "))
}

fn conditions(told: &LiveTold) -> AnyView {
    let row = |condition: &windfirm_model::view::cluster::ConditionRow| {
        let message = condition.message.clone().map(|message| view! { <span class="from">{message}</span> });
        view! { <li><code>{condition.kind.clone()}</code> {message}</li> }
    };
    view! { <ul>{told.conditions.iter().map(row).collect_view()}</ul> }.into_any()
}

/// The project by name, and what of it is not a matter of this very moment. What is wrong stands at the top of the page.
fn project(facts: &ProjectFacts) -> AnyView {
    let remark = match (&facts.unknown, facts.orphans) {
        (Some(why), _) => Some(why.clone()),
        (None, OrphansWord::WarnedOf) => Some("Argo CD warns where resources lie in its namespaces that no app deploys.".to_owned()),
        (None, OrphansWord::LookedFor) => Some("Argo CD looks for resources in its namespaces that no app deploys, and warns nobody.".to_owned()),
        (None, OrphansWord::NotLookedFor) => None,
    };
    let remark = remark.map(|text| view! { <span class="from">{rich(&text)}</span> });
    view! { <code>{facts.name.clone()}</code> {remark} }.into_any()
}

/// One thing that follows from the project.
pub(super) fn project_notice(finding: &ProjectFinding, now: Timestamp) -> AnyView {
    let (tone, word) = if finding.confirmed { (Tone::Inconclusive, "project") } else { (Tone::Unknown, "project, not sure") };
    let until = finding.at_least_until.map(|at| {
        view! { " It closes at the earliest " <time datetime=iso(at) title=full(at)>{short(at, now)}</time> "." }
    });
    view! {
        <div class=format!("notice {}", tone.class()) role="status">{status(tone, word)} <span class="grow">{rich(&finding.sentence)} {until}</span></div>
    }
    .into_any()
}

fn resources(told: &LiveTold) -> AnyView {
    let out = (told.resources_out_of_sync > 0).then(|| format!(", {} out of sync", told.resources_out_of_sync));
    view! { {told.resources.to_string()} {out} }.into_any()
}

/// Newest that stand in the table. The chart of the runs has those between its runs.
const DEPLOYMENTS: usize = 10;

fn deployments(page: &AppPage) -> AnyView {
    if page.deployments.is_empty() {
        return ().into_any();
    }
    let now = page.now;
    let more = page.deployments.len().saturating_sub(DEPLOYMENTS);
    let more = (more > 0).then(|| view! { <p class="note">{format!("{more} more are remembered; those among the last runs stand in their chart.")}</p> });
    let rows = page
        .deployments
        .iter()
        .take(DEPLOYMENTS)
        .map(|entry| {
            let when = entry.at.map(|at| view! { <time datetime=iso(at) title=full(at)>{short(at, now)}</time> });
            let by = entry.by.clone().unwrap_or_else(|| "Argo CD itself".to_owned());
            let words = revision_words(&entry.revisions).unwrap_or_else(|| "unknown".to_owned());
            view! {
                <tr>
                    <td class="lead"><code>{words}</code></td>
                    <td data-h="By">{by}</td>
                    <td class="num" data-h="When">{when}</td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="dense stack">
            <caption class="vh">"The last deployments, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Deployed"</th>
                    <th scope="col">"By"</th>
                    <th scope="col" class="num" aria-sort="descending">"When ↓"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! { <h3 class="sub-head">"Last deployments"</h3> {scroll("Last deployments", table.into_any())} {more} }.into_any()
}

/// Where the cluster's answer stands in full.
fn answered(page: &AppPage) -> String {
    format!("{}#account", href::app_tab(&page.path, "access"))
}

/// That the cluster would let the account, and when it said so. What is not well stands in sentences of its own.
pub(super) fn granted(page: &AppPage) -> Option<AnyView> {
    let findings = page.account_findings.as_ref().filter(|findings| findings.green)?;
    Some(view! { <span><a class="quiet mute" href=answered(page)>"granted, asked " {asked(findings, page.now)}</a></span> }.into_any())
}

/// Why the cluster would refuse a launch, where it said so; the way onward.
pub(super) fn account_lock(page: &AppPage, findings: &AccountFindings) -> AnyView {
    let link = answered(page);
    let lead = view! {
        "A run here acts as " <code>{findings.account.clone()}</code>
        {if findings.unknown { ", and whether the cluster would let it is not known. Asked " } else { ", and the cluster would refuse it. Asked " }} {asked(findings, page.now)} ". "
        <a href=link>"What the cluster answered"</a>
    };
    let other = (!findings.sentences.iter().any(|sentence| page.launch.why.contains(sentence.as_str()))).then(|| why("locked", &page.launch.why));
    view! {
        {why_with("locked", lead.into_any())}
        <div class="why"><span>{sentences(findings)}</span></div>
        {other}
    }
    .into_any()
}

/// What the cluster answered of the account that a run of the reader's would act as.
pub(super) fn account(page: &AppPage) -> AnyView {
    let Some(findings) = &page.account_findings else { return ().into_any() };
    let breaks = findings.breaks_something().then(|| {
        fact("It breaks", view! { {breaks(findings, LINKS)} " " <a href="/access#x-accounts">"All accounts, and all that they break"</a> }.into_any())
    });
    let wrong = (!findings.sentences.is_empty()).then(|| fact("Wrong", sentences(findings)));
    let because = (!findings.because.is_empty()).then(|| fact("Because", reasons(findings)));
    let verdict = if findings.green {
        answer(findings)
    } else if findings.unknown {
        status(Tone::Unknown, "not known")
    } else {
        status(Tone::Fail, "a run would be refused")
    };
    let facts = view! {
        <dl class="facts">
            <dt>"Account"</dt>
            <dd>{icon("cluster")} " " <code>{findings.account.clone()}</code> " in " {findings.cluster.clone()}</dd>
            <dt>"Answer"</dt>
            <dd>{verdict} " " <span class="from">"asked " {asked(findings, page.now)}</span></dd>
            {wrong}
            {because}
            {breaks}
        </dl>
    };
    section("account", "What the cluster answered of your account", "", ().into_any(), facts.into_any())
}
