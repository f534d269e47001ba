//! Grants as a table, and the version of the policy that they stand in.

use leptos::prelude::*;
use windfirm_model::view::access::{GrantRow, PolicyVersion};

use super::environments;
use crate::ui::format::{date_time, digest, iso};

/// Which policy decides, and since when.
#[must_use]
pub(crate) fn policy_tag(version: &PolicyVersion) -> AnyView {
    let whole = version.digest.clone();
    view! {
        <p class="mute">
            "policy " <code title=whole>{digest(&version.digest)}</code> ", since " <time datetime=iso(version.since)>{format!("{} UTC", date_time(version.since))}</time>
        </p>
    }
    .into_any()
}

/// One row a grant. `subject` is the head of the column of who it is given to.
#[must_use]
pub(crate) fn grants_table(grants: &[GrantRow], subject: &'static str) -> AnyView {
    let rows = grants.iter().map(|grant| row(grant, subject)).collect_view();
    view! {
        <table class="dense stack wrap">
            <caption class="vh">"Grants, in the order of the policy"</caption>
            <thead>
                <tr>
                    <th scope="col">"Grant"</th>
                    <th scope="col">{subject}</th>
                    <th scope="col">"Role"</th>
                    <th scope="col">"On"</th>
                    <th scope="col">"In"</th>
                    <th scope="col">"Acting as"</th>
                    <th scope="col">"Can"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(grant: &GrantRow, subject: &'static str) -> AnyView {
    let on = grant.on.iter().map(|path| view! { <code>{path.to_string()}</code> " " }).collect_view();
    let account = match &grant.service_account {
        Some(account) => view! { <code>{account.clone()}</code> }.into_any(),
        None => view! { <span class="mute">"nobody: it reaches no cluster"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="full">{grant.name.clone()}</th>
            <td class="full" data-h=subject>{grant.subject.clone()}</td>
            <td data-h="Role">{grant.role.clone()}</td>
            <td class="full" data-h="On">{on}</td>
            <td data-h="In">{environments(&grant.environments)}</td>
            <td class="full" data-h="As">{account}</td>
            <td class="full mono soft" data-h="Can">{grant.can.join(", ")}</td>
        </tr>
    }
    .into_any()
}
