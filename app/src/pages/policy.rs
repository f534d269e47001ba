//! `/policy`: the policy in force, for those who may read it: its version, its text, its grants and roles, and a newer file that
//! was refused.

use leptos::prelude::*;
use windfirm_model::view::access;

use super::access::{grants_table, policy_tag};
use crate::{
    api::rules::policy,
    ui::{
        format::counted,
        icon::inked,
        layout::{head, nothing, notice, scroll, section},
        loaded::loaded,
        status::Tone,
    },
};

#[component]
pub fn PolicyPage() -> impl IntoView {
    let page = Resource::new(|| (), |()| policy());
    loaded("Policy", page, |page| policy_view(&page))
}

/// The whole page.
#[must_use]
pub fn policy_view(page: &access::PolicyPage) -> AnyView {
    view! {
        {head("Policy", policy_tag(&page.version))}
        {refused(&page.refused)}
        {grants(page)}
        <div class="cols even wide-first">
            <div>{text(page)}</div>
            <div>{roles(page)}</div>
        </div>
    }
    .into_any()
}

/// The errors of a newer file. The policy in force is not touched by it.
fn refused(errors: &[String]) -> AnyView {
    if errors.is_empty() {
        return ().into_any();
    }
    let list =
        errors.iter().map(|error| view! { <li>{inked(Tone::Fail.icon(), Tone::Fail.class())} <span class="mono">{error.clone()}</span></li> }).collect_view();
    let words = format!(
        "A newer file has {} and was refused as a whole. The policy below stays in force until a file without errors is loaded.",
        counted(u64::try_from(errors.len()).unwrap_or_default(), "error", "errors")
    );
    view! {
        {notice(Tone::Fail, "Refused", &words)}
        {section("p-refused", "Errors in the newer file", "file:line:column: field: what is wrong", ().into_any(), view! { <ul class="rules">{list}</ul> }.into_any())}
    }
    .into_any()
}

fn grants(page: &access::PolicyPage) -> AnyView {
    let content = if page.grants.is_empty() {
        nothing("The policy holds no grant, so it allows nothing to anybody.")
    } else {
        scroll("Grants", grants_table(&page.grants, "To"))
    };
    let amount = counted(u64::try_from(page.grants.len()).unwrap_or_default(), "grant", "grants");
    section("p-grants", "Grants", format!("{amount}; what none of them allows is refused"), ().into_any(), content)
}

fn roles(page: &access::PolicyPage) -> AnyView {
    if page.roles.is_empty() {
        return section("p-roles", "Roles", "", ().into_any(), nothing("The policy names no role."));
    }
    let list = page.roles.iter().map(|(name, can)| view! { <dt>{name.clone()}</dt><dd class="mono">{can.join(", ")}</dd> }).collect_view();
    let meta = "with all that they include";
    section("p-roles", "Roles", meta, ().into_any(), view! { <dl class="facts">{list}</dl> }.into_any())
}

fn text(page: &access::PolicyPage) -> AnyView {
    // Each line is addressable, so that people can point at one: /policy#L12.
    let lines = page
        .text
        .lines()
        .zip(1_u32..)
        .map(|(line, number)| {
            view! {
                <span id=format!("L{number}") data-n=number.to_string()>
                    {if line.is_empty() { "\u{200b}".to_owned() } else { line.to_owned() }}
                </span>
            }
        })
        .collect_view();
    let content = if page.text.is_empty() {
        nothing("The file is empty.")
    } else {
        view! { <pre class="lines" tabindex="0" role="region" aria-label="Text of the policy">{lines}</pre> }.into_any()
    };
    section("p-text", "Text", page.file.clone(), ().into_any(), content)
}
