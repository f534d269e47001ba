//! One entry in full: who asked, through which grant, under which policy and tree, and what else it carried.

use leptos::prelude::*;
use windfirm_model::view::audit::{AuditDetail, AuditQuery};

use super::{
    address,
    row::{sentence, target},
};
use crate::ui::{
    format::{clock_ms, count, full, iso},
    layout::section,
    text::{rich, why},
};

pub(super) fn detail(detail: &AuditDetail, query: &AuditQuery) -> AnyView {
    let row = &detail.row;
    let number = |seq: i64| count(u64::try_from(seq).unwrap_or_default());
    let entry = match detail.outcome_seq {
        Some(outcome) => {
            view! { {format!("{} and {}", number(row.seq), number(outcome))} <span class="from">"intent and outcome, one operation"</span> }.into_any()
        }
        None => view! { {number(row.seq)} <span class="from">"the intent; its outcome is not there"</span> }.into_any(),
    };
    let ended = row.outcome_at.map(|at| view! { <span class="from">{format!("at {}", clock_ms(at))}</span> });
    let facts = view! {
        <dl class="facts">
            <dt>"Entry"</dt>
            <dd>{entry}</dd>
            <dt>"Asked"</dt>
            <dd><time datetime=iso(row.at)>{full(row.at)}</time> <span class="from">{format!("at {}", clock_ms(row.at))}</span></dd>
            <dt>"Outcome"</dt>
            <dd>{row.outcome.word()} {ended}</dd>
            <dt>"Code"</dt>
            <dd><code>{row.code.clone()}</code></dd>
            <dt>"Target"</dt>
            <dd>{target(row)}</dd>
            <dt>"Actor"</dt>
            <dd>{row.actor.clone()} <span class="from"><code>{detail.actor_key.clone()}</code></span></dd>
            <dt>"Groups"</dt>
            <dd>{groups(&detail.groups)}</dd>
            {plain("Role", detail.role.as_deref())}
            {plain("Grant", detail.grant.as_deref())}
            {code("Acted as", row.service_account.as_deref())}
            {plain("Reason", detail.reason.as_deref())}
            {code("Policy", detail.policy_digest.as_deref())}
            {code("Tree", detail.commit.as_deref())}
            {code("Client", detail.client.as_deref())}
            {code("Request", detail.request_id.as_deref())}
            {code("Operation", Some(&detail.operation))}
        </dl>
    };
    let reason = row.why.as_deref().map(|text| why("fail", text));
    let end = view! { <span class="end"><a href=address(query, query.before.as_deref(), None)>"Close"</a></span> }.into_any();
    let content = view! { {reason} {facts} }.into_any();
    view! { {section("entry", sentence(row), "", end, content)} {carried(detail)} }.into_any()
}

/// What else the operation carried.
fn carried(detail: &AuditDetail) -> AnyView {
    if detail.facts.is_empty() {
        return ().into_any();
    }
    let list = detail.facts.iter().map(|(name, value)| view! { <dt>{name.clone()}</dt><dd class="mono">{value.clone()}</dd> }).collect_view();
    section("carried", "What it carried", "secrets masked", ().into_any(), view! { <dl class="facts">{list}</dl> }.into_any())
}

fn groups(names: &[String]) -> AnyView {
    if names.is_empty() {
        return view! { <span class="mute">"none"</span> }.into_any();
    }
    view! { <code>{names.join(", ")}</code> }.into_any()
}

/// A fact in words; what is not there is left out.
fn plain(name: &'static str, value: Option<&str>) -> AnyView {
    value.map(|text| view! { <dt>{name}</dt><dd>{rich(text)}</dd> }).into_any()
}

/// A fact that a machine would read.
fn code(name: &'static str, value: Option<&str>) -> AnyView {
    value.map(|text| view! { <dt>{name}</dt><dd><code>{text.to_owned()}</code></dd> }).into_any()
}
