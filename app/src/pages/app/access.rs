//! What the reader may do on this app, each with the grant that says so, or why not.

use leptos::prelude::*;
use windfirm_model::view::{access::ActionRow, app::AppPage};

use super::cluster;
use crate::{
    href,
    ui::{
        layout::{head_link, nothing, scroll, section},
        status::{Tone, status},
        text::rich,
    },
};

pub(super) fn tab(page: &AppPage) -> AnyView {
    let allowed = page.access.iter().filter(|row| row.allowed).count();
    let meta = format!("{allowed} of {} actions", page.access.len());
    let content = if page.access.is_empty() {
        nothing("The policy could not be asked. Reload the page; if it stays like this, tell the platform team.")
    } else {
        table(page)
    };
    let end = head_link(href::access(&page.path), "Explain step by step");
    view! {
        {section("access", "What you may do here", meta, end, content)}
        <p class="note">
            {format!("Decided for {} in {}. ", page.path, page.environment)} {rich(&page.environment_why)}
        </p>
        {cluster::account(page)}
    }
    .into_any()
}

fn table(page: &AppPage) -> AnyView {
    let rows = page.access.iter().map(|row| action(page, row)).collect_view();
    let table = view! {
        <table class="dense stack wraps">
            <thead>
                <tr>
                    <th scope="col">"Answer"</th>
                    <th scope="col">"Action"</th>
                    <th scope="col">"Through"</th>
                    <th scope="col">"Acts as"</th>
                    <th scope="col">"Why"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    scroll("What you may do here", table.into_any())
}

fn action(page: &AppPage, row: &ActionRow) -> AnyView {
    let answer = if row.allowed { status(Tone::Pass, "allowed") } else { status(Tone::Locked, "locked") };
    let link = href::with_query("/access", &[("path", Some(page.path.as_str())), ("action", Some(&row.action))]);
    let decision = &row.decision;
    let through = decision.grant.clone().map(|grant| {
        let role = decision.role.clone().map(|role| view! { <span class="sub">"role " {role}</span> });
        view! { <code>{grant}</code> {role} }
    });
    view! {
        <tr>
            <td class="lead">{answer}</td>
            <th scope="row" class="full"><a class="mono" href=link>{row.action.clone()}</a> <span class="sub">{row.sentence.clone()}</span></th>
            <td data-h="Through">{through}</td>
            <td data-h="Acts as">{decision.service_account.clone().map(|account| view! { <code>{account}</code> })}</td>
            <td class="full soft">{rich(&decision.why)}</td>
        </tr>
    }
    .into_any()
}
