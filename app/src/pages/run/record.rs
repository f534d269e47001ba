//! The record of a run: what happened, how complete the data is, how k6 was confined, and exactly what ran.

use leptos::prelude::*;
use windfirm_model::view::run::{CompletenessRow, Manifest, RunPage};

use crate::ui::{
    cluster::short_revision,
    format::{bytes, clock, count, digest, full, percent, stopwatch},
    icon::inked,
    layout::section,
    status::Tone,
    text::{rich, why},
};

pub(super) fn events(page: &RunPage) -> AnyView {
    if page.events.is_empty() {
        return ().into_any();
    }
    let started = page.started;
    let list = page
        .events
        .iter()
        .zip(1_usize..)
        .map(|(event, number)| {
            let at = started.map_or_else(
                || clock(event.at).chars().take(8).collect::<String>(),
                |started| match event.at.micros_since(started) / 1_000_000 {
                    before @ ..0 => format!("−{}", stopwatch(before.saturating_neg())),
                    after => stopwatch(after),
                },
            );
            view! {
                <li>
                    <span class=if event.bad { "n bad" } else { "n" }>{number.to_string()}</span> <time>{at}</time> <span>{rich(&event.text)}</span>
                </li>
            }
        })
        .collect_view();
    section(
        "events",
        "Events",
        if started.is_some() { "from the start of k6" } else { "by the clock, UTC" },
        ().into_any(),
        view! { <ol class="events">{list}</ol> }.into_any(),
    )
}

pub(super) fn completeness(page: &RunPage) -> AnyView {
    let Some(completeness) = &page.completeness else { return ().into_any() };
    let tone = if completeness.complete { "pass" } else { "inconclusive" };
    let rows = completeness.rows.iter().map(counted).collect_view();
    let dropped = completeness
        .dropped
        .iter()
        .map(|(bound, amount)| view! { <dt>"Dropped"</dt><dd>{count(*amount)} <span class="from">{bound.clone()}</span></dd> })
        .collect_view();
    let content = view! {
        {why(tone, &completeness.sentence)}
        <dl class="facts">
            {rows} {dropped} <dt>"Percentile error"</dt>
            <dd>{format!("at most {}", percent(page.measured.percentile_error))} <span class="from">"from merging histogram buckets"</span></dd>
        </dl>
    }
    .into_any();
    let meta = if completeness.compared { "received against k6’s own counters" } else { "k6 left no summary to compare with" };
    section("completeness", "Completeness", meta, ().into_any(), content)
}

fn counted(row: &CompletenessRow) -> AnyView {
    let equal = row.received == row.k6;
    let words = if equal { count(row.received) } else { format!("{} of {}", count(row.received), count(row.k6)) };
    view! {
        <dt class="mono">{row.counter.clone()}</dt>
        <dd>
            {inked(if equal { Tone::Pass.icon() } else { Tone::Inconclusive.icon() }, if equal { "pass" } else { "inconclusive" })} " " {words}
            <span class="vh">{if equal { " the same" } else { " not the same" }}</span>
        </dd>
    }
    .into_any()
}

pub(super) fn confinement(page: &RunPage) -> AnyView {
    let confinement = &page.confinement;
    if confinement.measures.is_empty() {
        return ().into_any();
    }
    let tone = if confinement.full { Tone::Pass } else { Tone::Inconclusive };
    let list = confinement.measures.iter().map(|measure| view! { <li>{inked(tone.icon(), tone.class())} <span>{rich(measure)}</span></li> }).collect_view();
    let meta = if confinement.full { "everything that was wanted is in force" } else { "not everything that was wanted is in force" };
    section("confinement", "Confinement of k6", meta, ().into_any(), view! { <ul class="rules">{list}</ul> }.into_any())
}

pub(super) fn manifest(page: &RunPage) -> AnyView {
    let manifest = &page.manifest;
    let short = |text: &str, remark: String| {
        let whole = text.to_owned();
        view! { <dd><code title=whole>{digest(text)}</code> <span class="from">{remark}</span></dd> }
    };
    let size: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let files = if manifest.files.len() == 1 { "1 file".to_owned() } else { format!("{} files", manifest.files.len()) };
    let results = match &manifest.results_digest {
        Some(results) => short(results, "over every frame of the run".to_owned()).into_any(),
        None => view! { <dd class="mute">"known when the run has ended"</dd> }.into_any(),
    };
    let test_from = manifest.test_commit.clone().map(|commit| {
        view! { <dt>"Test from"</dt><dd><code title=commit.clone()>{short_revision(&commit)}</code> <span class="from">"the commit that ran"</span></dd> }
    });
    let deployed = (!manifest.deployed.is_empty()).then(|| {
        let revisions = manifest.deployed.iter().map(|revision| view! { <code title=revision.clone()>{short_revision(revision)}</code> " " }).collect_view();
        view! { <dt>"Deployed"</dt><dd>{revisions} <span class="from">"in the cluster at the launch"</span></dd> }
    });
    let content = view! {
        <dl class="facts">
            <dt>"Script"</dt>
            {short(&manifest.bundle_digest, format!("{}, {files}, {}", manifest.entry, bytes(size)))}
            <dt>"Parameters"</dt>
            {short(&manifest.parameters_digest, format!("{} set", manifest.parameters.len()))}
            <dt>"Policy"</dt>
            {short(&manifest.policy_digest, format!("grant {}", manifest.grant))}
            <dt>"Tree"</dt>
            {short(&manifest.tree_commit, manifest.tree_commit_subject.clone())}
            {test_from} {deployed}
            <dt>"Results"</dt>
            {results}
            <dt>"k6"</dt>
            <dd>{manifest.k6_version.clone()}</dd>
        </dl>
        {whole(manifest, page)}
    }
    .into_any();
    section("manifest", "Manifest", "what exactly ran", ().into_any(), content)
}

/// Every field with its whole digest, for proof and for running it again elsewhere.
fn whole(manifest: &Manifest, page: &RunPage) -> AnyView {
    let files = manifest
        .files
        .iter()
        .map(|file| view! { <li><code>{file.path.clone()}</code> <span class="from">{bytes(file.bytes)} ", " <code>{file.digest.clone()}</code></span></li> })
        .collect_view();
    let parameters = manifest.parameters.iter().map(|(name, value)| view! { <li><code>{format!("{name}={value}")}</code></li> }).collect_view();
    let options = manifest.options.iter().map(|option| view! { <li><code>{option.clone()}</code></li> }).collect_view();
    let decision = manifest.decision.iter().map(|sentence| view! { <li>{rich(sentence)}</li> }).collect_view();
    let list = |name: &'static str, empty: bool, items: AnyView| {
        let none = empty.then_some(view! { <span class="mute">"none"</span> });
        view! { <dt>{name}</dt><dd>{none}<ul>{items}</ul></dd> }
    };
    let fact = |name: &'static str, value: &str| view! { <dt>{name}</dt><dd>{value.to_owned()}</dd> };
    let sum = |name: &'static str, value: &str| view! { <dt>{name}</dt><dd><code>{value.to_owned()}</code></dd> };
    let placement = manifest.placement.as_ref().map(|placement| {
        let runners = crate::ui::format::counted(u64::from(placement.runners), "runner", "runners");
        let secrets = placement.secrets.iter().map(|given| {
            view! { <li><code>{given.variable.clone()}</code> <span class="from">{format!("key {} of {}", given.key, given.secret)}</span></li> }
        });
        let secrets = secrets.collect_view();
        view! {
            {fact("Cluster", &placement.cluster)}
            {fact("Runners", &runners)}
            {sum("Frozen options", &placement.options)}
            {(!placement.secrets.is_empty()).then(|| list("Secrets", false, secrets.into_any()))}
        }
    });
    view! {
        <details class="more line">
            <summary>"Whole manifest"</summary>
            <dl class="facts">
                {fact("Who", &manifest.actor)} {sum("As", &manifest.service_account)} {fact("When", &full(page.created))} {fact("Why", &manifest.reason)} {sum("Target", &manifest.target)} {placement}
                {sum("Entry", &manifest.entry)} {sum("Bundle", &manifest.bundle_digest)} {list("Files", manifest.files.is_empty(), files.into_any())}
                {list("Parameters", manifest.parameters.is_empty(), parameters.into_any())} {sum("Parameters digest", &manifest.parameters_digest)}
                {list("k6 options", manifest.options.is_empty(), options.into_any())} {list("Decision", manifest.decision.is_empty(), decision.into_any())}
                {sum("Policy", &manifest.policy_digest)} {sum("Tree", &manifest.tree_commit)} {sum("Results", manifest.results_digest.as_deref().unwrap_or("—"))}
            </dl>
        </details>
    }
    .into_any()
}
