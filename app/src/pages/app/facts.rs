//! Beside the overview: the limits that hold here and where they come from, and what the app is.

use leptos::prelude::*;
use windfirm_model::view::app::{AppPage, GuardrailRow, Target};

use crate::{
    href,
    ui::{
        layout::{head_link, nothing, section},
        text::rich,
    },
};

/// Guardrails, the strictest of each kind.
pub(super) fn limits(page: &AppPage) -> AnyView {
    let content = if page.guardrails.is_empty() {
        nothing("No guardrail holds here.")
    } else {
        let rows = page.guardrails.iter().map(limit).collect_view();
        view! { <dl class="facts">{rows}</dl> <p class="note">"Further down, a limit can only become tighter."</p> }.into_any()
    };
    section("limits", "Limits here", "", ().into_any(), content)
}

fn limit(row: &GuardrailRow) -> AnyView {
    let name = match row.kind.as_str() {
        "max_vus" => "Max VUs".to_owned(),
        "lost_runners" => "Lost runners".to_owned(),
        "max_duration" => "Max duration".to_owned(),
        "target_hosts" => "Targets".to_owned(),
        other => other.replace('_', " "),
    };
    let from = if row.name == "built in" {
        view! { <span class="from">"built in; no guardrail says otherwise"</span> }.into_any()
    } else {
        view! { <span class="from">"from " {row.path.to_string()} ", guardrail " <code>{row.name.clone()}</code></span> }.into_any()
    };
    view! {
        <dt>{name}</dt>
        <dd>{row.limit.clone()} {from}</dd>
    }
    .into_any()
}

/// What the app is, and why it is what it is.
pub(super) fn app(page: &AppPage) -> AnyView {
    let target = match &page.target {
        Target::Known { url, from } => view! { <code>{url.clone()}</code> <span class="from">{rich(from)}</span> }.into_any(),
        Target::Missing { .. } => view! { <span class="mute">"none"</span> }.into_any(),
    };
    let why = (!page.environment_why.is_empty()).then(|| view! { <span class="from">{rich(&page.environment_why)}</span> });
    let parent = page.parent.as_ref().map_or_else(
        || view! { <span class="mute">"none that you may see"</span> }.into_any(),
        |parent| view! { <a href=href::app(parent)>{parent.to_string()}</a> }.into_any(),
    );
    let account = page.service_account.as_ref().map_or_else(
        || view! { <span class="mute">"none for you"</span> }.into_any(),
        |account| view! { <code>{account.clone()}</code> <span class="from">"what a run of yours acts as"</span> }.into_any(),
    );
    let facts = view! {
        <dl class="facts">
            <dt>"Target"</dt>
            <dd>{target}</dd>
            <dt>"Environment"</dt>
            <dd>{page.environment.to_string()} {why}</dd>
            <dt>"Key"</dt>
            <dd><code>{format!("{} / {} / {} / {}", page.cluster, page.namespace, page.kind, page.name)}</code></dd>
            <dt>"Deployed to"</dt>
            <dd><code>{page.destination_namespace.clone()}</code></dd>
            <dt>"Above"</dt>
            <dd>{parent}</dd>
            <dt>"Account"</dt>
            <dd>{account}</dd>
        </dl>
    };
    section("this-app", "This app", "", head_link(href::app_tab(&page.path, "sources"), "Sources"), facts.into_any())
}
