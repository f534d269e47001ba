//! One decision with its whole chain: who, matched by what, through which grant and role, on which place, acting as whom.

use leptos::prelude::*;
use windfirm_model::{
    action::{Action, Reach},
    environment::Environment,
    path::AppPath,
    view::{
        access::{AccessPage, ActionRow},
        cluster::AccountFindings,
    },
};

use super::{accounts, address, whom};
use crate::{
    href,
    ui::{
        cluster::{asked, reasons, sentences},
        icon::icon,
        status::{Tone, environment, status_big},
        text::rich,
    },
};

/// The verdict on one action, and the chain below it.
pub(super) fn answer(page: &AccessPage, row: &ActionRow, path: &AppPath, place: &Environment) -> AnyView {
    let findings = accounts::of_decision(page, row, path);
    let broken = findings.filter(|findings| !findings.green);
    let (tone, word) = match (row.allowed, broken) {
        (true, Some(_)) => (Tone::Fail, "Broken"),
        (true, None) => (Tone::Pass, "Allowed"),
        (false, _) => (Tone::Locked, "Refused"),
    };
    let next = if row.allowed || about_others(page) {
        "".to_owned()
    } else {
        " To change that, ask the people who keep the policy; this sentence tells them what is missing.".to_owned()
    };
    view! {
        <section class=format!("verdict {}", tone.class()) aria-labelledby="x-verdict">
            <div><h2 id="x-verdict">{status_big(tone, word)}</h2></div>
            <div class="flow">
                <p><code>{row.action.clone()}</code> " on " <a href=href::app(path)>{path.to_string()}</a> " " {environment(place)} {format!(" for {}", whom(page))}</p>
                <p>{rich(&row.decision.why)} {next}</p>
                {broken.map(|findings| view! { <div class="flow"><p>{if findings.unknown { "The policy allows it, and whether the cluster does is not known:" } else { "The policy allows it, and the cluster would refuse it:" }}</p> {sentences(findings)}</div> })}
                <p class="mute">{row.sentence.clone()} " " <a href=address(&page.query, None)>"All actions here"</a></p>
            </div>
        </section>
        <section class="sec" aria-labelledby="x-chain">
            <h2 class="vh" id="x-chain">"The chain"</h2>
            {chain(page, row, path, place, findings)}
        </section>
    }
    .into_any()
}

fn about_others(page: &AccessPage) -> bool {
    super::about_others(&page.query)
}

fn chain(page: &AccessPage, row: &ActionRow, path: &AppPath, place: &Environment, findings: Option<&AccountFindings>) -> AnyView {
    let decision = &row.decision;
    let person = link("user", "person", page.person.clone(), text(if about_others(page) { "as asked" } else { "you" }), false);
    let (kind, name) = match decision.subject.as_deref().and_then(|subject| subject.split_once(' ')) {
        Some((kind, name)) => (kind.to_owned(), name.to_owned()),
        None => (String::new(), decision.subject.clone().unwrap_or_default()),
    };
    // For somebody else the groups are those of the question; what the identity provider would name is not known here.
    let (one, many) = if about_others(page) { ("as asked", "as asked") } else { ("named by the identity provider at login", "named by the identity provider") };
    let matched = match decision.subject {
        Some(_) if kind == "user" => link("user", "user", name, text("named by the grant"), false),
        Some(_) => link("group", "group", name, text(one), false),
        None if page.groups_unknown.is_some() => link("group", "groups", "unknown".to_owned(), text("grant nothing"), true),
        None if page.groups.is_empty() => link("group", "groups", "none".to_owned(), text(many), false),
        None => link("group", "groups", page.groups.join(", "), text("none leads to this action here"), false),
    };
    let grant = match &decision.grant {
        Some(grant) => {
            let on = decision.path.clone().unwrap_or_default();
            link("grant", "grant", grant.clone(), view! { "on " <code>{on}</code> " and below" }.into_any(), false)
        }
        None => link("grant", "grant", "No".to_owned(), text("none allows it"), true),
    };
    let role = match &decision.role {
        Some(role) => link("role", "role", role.clone(), view! { "includes " <code>{row.action.clone()}</code> }.into_any(), false),
        None => not_reached("role", "role"),
    };
    let app = link("app", "app", path.to_string(), view! { "in " {place.to_string()} }.into_any(), false);
    let reaches = Action::parse(&row.action).is_some_and(|action| action.reach() == Reach::Cluster);
    let account = match (&decision.service_account, row.allowed) {
        (Some(account), _) => link("cluster", "service account", account.clone(), text("named by the grant"), false),
        (None, true) if reaches => link("cluster", "service account", "none".to_owned(), text("the grant names none"), false),
        (None, true) => link("cluster", "service account", "none needed".to_owned(), text("it reaches no cluster"), false),
        (None, false) => not_reached("cluster", "service account"),
    };
    let cluster = findings.map(|findings| {
        let value = if findings.green { "Yes" } else { "No" };
        // In the cluster's own words, also of a yes: they name the binding.
        let said = findings.sentences.first().map_or_else(|| reasons(findings), |sentence| rich(sentence));
        let remark = view! { {findings.cluster.clone()} ", asked " {asked(findings, page.now)} ". " {said} };
        link("cluster", "cluster", value.to_owned(), remark.into_any(), !findings.green)
    });
    let class = if cluster.is_some() { "chain seven" } else { "chain" };
    view! { <ol class=class>{person} {matched} {grant} {role} {app} {account} {cluster}</ol> }.into_any()
}

fn text(words: &'static str) -> AnyView {
    words.into_any()
}

/// One link: what it is, which one, what it matched.
fn link(shape: &'static str, kind: &'static str, value: String, remark: AnyView, broken: bool) -> AnyView {
    view! {
        <li class=broken.then_some("broken")>
            <span class="k">{icon(shape)} {kind}</span> <span class="v">{value}</span> <span class="sub">{remark}</span>
        </li>
    }
    .into_any()
}

fn not_reached(shape: &'static str, kind: &'static str) -> AnyView {
    view! {
        <li>
            <span class="k">{icon(shape)} {kind}</span> <span class="v mute">"—"</span> <span class="sub">"not reached"</span>
        </li>
    }
    .into_any()
}
