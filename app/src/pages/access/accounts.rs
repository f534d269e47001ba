//! What clusters answered of service accounts: the last link of the chain, and all of them as a table.

use leptos::prelude::*;
use windfirm_model::{
    action::{Action, Reach},
    path::AppPath,
    view::{
        access::{AccessPage, ActionRow},
        cluster::AccountFindings,
    },
};

use crate::{
    api::rules::AskClusters,
    ui::{
        cluster::{answer, ask_now, asked, asked_now, breaks, reasons, sentences},
        layout::{scroll, section},
    },
};

/// Apps whose launches an account locks, shown as links.
const LINKS: usize = 6;

/// What the cluster said of the account that this decision acts as; nothing where no cluster was asked, or where it does not matter.
pub(super) fn of_decision<'p>(page: &'p AccessPage, row: &ActionRow, path: &AppPath) -> Option<&'p AccountFindings> {
    let reaches = Action::parse(&row.action).is_some_and(|action| action.reach() == Reach::Cluster);
    let account = row.decision.service_account.as_deref().filter(|_| row.allowed && reaches)?;
    // One name may be an account in several clusters: what locks this app counts, else what locks nothing.
    let named = || page.accounts.iter().filter(|findings| findings.account == account);
    named().find(|findings| !findings.green && findings.breaks.contains(path)).or_else(|| named().find(|findings| findings.green))
}

/// All accounts that the reader may know of. Nothing where no cluster is asked.
pub(super) fn accounts(page: &AccessPage, ask: ServerAction<AskClusters>) -> AnyView {
    if page.accounts.is_empty() {
        return ().into_any();
    }
    let broken = page.accounts.iter().filter(|findings| !findings.green).count();
    let meta = if broken == 0 { "nothing is missing".to_owned() } else { format!("{broken} of {} lack something", page.accounts.len()) };
    // What is broken stands first; within that the order stays.
    let mut sorted: Vec<&AccountFindings> = page.accounts.iter().collect();
    sorted.sort_by_key(|findings| findings.green);
    let rows = sorted.into_iter().map(|findings| row(findings, page)).collect_view();
    let table = view! {
        <table class="dense stack wrap">
            <caption class="vh">"Service accounts, and what their cluster answered"</caption>
            <thead>
                <tr>
                    <th scope="col">"Account"</th>
                    <th scope="col">"Cluster"</th>
                    <th scope="col">"Its answer"</th>
                    <th scope="col">"What is missing, and who can mend it"</th>
                    <th scope="col">"What that breaks"</th>
                    <th scope="col" class="num">"Asked"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    let content = view! {
        {asked_now(ask)}
        {scroll("Service accounts", table.into_any())}
        <p class="note">"A forecast: the cluster decides again at each call."</p>
    };
    section("x-accounts", "Service accounts in their clusters", meta, ask_now(ask), content.into_any())
}

fn row(findings: &AccountFindings, page: &AccessPage) -> AnyView {
    let nothing = || view! { <span class="mute">"nothing"</span> }.into_any();
    let wrong = if findings.sentences.is_empty() { view! { {nothing()} {reasons(findings)} }.into_any() } else { sentences(findings) };
    let broken = if findings.breaks_something() { breaks(findings, LINKS) } else { nothing() };
    view! {
        <tr class=(!findings.green).then_some("red")>
            <th scope="row" class="full"><code>{findings.account.clone()}</code></th>
            <td data-h="Cluster">{findings.cluster.clone()}</td>
            <td class="lead nb">{answer(findings)}</td>
            <td class="full said" data-h="Missing">{wrong}</td>
            <td class="full said" data-h="Breaks">{broken}</td>
            <td class="num" data-h="Asked">{asked(findings, page.now)}</td>
        </tr>
    }
    .into_any()
}
