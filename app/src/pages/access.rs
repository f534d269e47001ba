//! `/access`: what somebody may do, and why: their grants, and the whole chain behind a decision on one app.

mod accounts;
mod chain;
mod grants;

pub(crate) use grants::{grants_table, policy_tag};

use leptos::prelude::*;
use leptos_router::{components::Form, hooks::use_query_map, params::ParamsMap};
use windfirm_model::{
    action::Action,
    environment::Environment,
    fault::Fault,
    path::AppPath,
    view::access::{self, AccessQuery, ActionRow},
};

use crate::{
    api::rules::{AskClusters, access},
    href, platform,
    ui::{
        cluster::reload_when_asked,
        field::{Answered, FieldErrors, TextField, filled_in, given, select_field},
        icon::icon,
        layout::{button, empty, head, notice, scroll, section},
        loaded::loaded,
        status::{Tone, environment, status_plain, tag},
        text::rich,
    },
};

#[component]
pub fn AccessPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| asked(&query.read()));
    let page = Resource::new(
        move || asked.get(),
        |query| async move {
            let answer = match access(query.clone()).await {
                // Asked for by name: the form stays, so that a slip can be mended. It still says the same for missing and not yours.
                Err(error) if query.path.is_some() && error.clone().into_fault() == Fault::NotFound => Err(Fault::field("path", NOWHERE).into()),
                answer => answer,
            };
            Answered::of(query, answer)
        },
    );
    let ask = ServerAction::<AskClusters>::new();
    reload_when_asked(ask, move || page.refetch());
    loaded("Access", page, move |answer| match answer {
        Answered::Page(page) => access_view(&page, ask),
        Answered::Refused { query, fields } => refused(&query, &fields),
    })
}

/// What stands at the field when there is no such app for the asker.
const NOWHERE: &str = "There is no app at this path for you: it is misspelt, gone, or not yours to see.";

/// The question as it stands in the address; what is empty is absent.
fn asked(query: &ParamsMap) -> AccessQuery {
    let get = |name: &str| given(query, name);
    AccessQuery { path: get("path"), action: get("action"), person: get("person"), groups: get("groups") }
}

fn address(query: &AccessQuery, action: Option<&str>) -> String {
    href::with_query(
        "/access",
        &[("path", query.path.as_deref()), ("action", action), ("person", query.person.as_deref()), ("groups", query.groups.as_deref())],
    )
}

fn about_others(query: &AccessQuery) -> bool {
    query.person.is_some() || query.groups.is_some()
}

/// The whole page.
#[must_use]
pub fn access_view(page: &access::AccessPage, ask: ServerAction<AskClusters>) -> AnyView {
    let others = about_others(&page.query);
    let stale = page.policy.newer_refused.then(|| {
        notice(Tone::Inconclusive, "Older policy", "A newer policy was refused because of errors in it. Everything here is decided by the one before.")
    });
    let unknown = page.groups_unknown.as_deref().map(|why| {
        let sentence = format!("{} Unknown groups grant nothing; only grants to this user by name hold.", ended(why));
        notice(Tone::Inconclusive, "Groups unknown", &sentence)
    });
    view! {
        {head("Access", policy_tag(&page.policy))}
        {stale} {unknown}
        {who(page, others)}
        {form(&page.query, page.may_explain_others, &FieldErrors::new())}
        {decision(page)}
        {held(page, others)}
        {accounts::accounts(page, ask)}
    }
    .into_any()
}

/// The form again, with what was wrong with it.
fn refused(query: &AccessQuery, fields: &FieldErrors) -> AnyView {
    let nowhere = fields.get("path").is_some_and(|sentence| sentence == NOWHERE);
    platform::set_page_status(if nowhere { Fault::NotFound.status() } else { 422 });
    view! {
        {head("Access", ().into_any())}
        {notice(Tone::Fail, "Not explained", "Something in the question cannot be answered. What you entered is kept.")}
        {form(query, about_others(query), fields)}
        {fields.get("").map(|sentence| notice(Tone::Fail, "Wrong", sentence))}
        <p class="acts">{button("/access".to_owned(), "Show my own access")}</p>
    }
    .into_any()
}

fn who(page: &access::AccessPage, others: bool) -> AnyView {
    let groups = if page.groups.is_empty() {
        view! { <span class="mute">"none"</span> }.into_any()
    } else {
        page.groups.iter().map(|name| view! { <code>{name.clone()}</code> }).collect_view().into_any()
    };
    let back = others.then(|| view! { <a href="/access">"Back to your own"</a> });
    view! {
        <p class="facts-line">
            <span>{icon("user")} <span class="k">{if others { "Somebody else" } else { "You" }}</span> <b>{page.person.clone()}</b></span>
            <span>{icon("group")} <span class="k">"Groups"</span> {groups}</span>
            {back}
        </p>
    }
    .into_any()
}

fn form(query: &AccessQuery, others: bool, errors: &FieldErrors) -> AnyView {
    let path = TextField {
        id: "x-path",
        name: "path",
        label: "App",
        value: query.path.as_deref(),
        placeholder: "/team/app/",
        wide: true,
        mono: true,
        ..TextField::default()
    };
    let actions = Action::ALL.iter().map(|action| (action.code().to_owned(), action.code().to_owned())).collect();
    let person = TextField {
        id: "x-person",
        name: "person",
        label: "Person",
        value: query.person.as_deref(),
        placeholder: "you, or issuer|subject",
        mono: true,
        wide: true,
        ..TextField::default()
    };
    let groups = TextField {
        id: "x-groups",
        name: "groups",
        label: "Groups to try",
        value: query.groups.as_deref(),
        placeholder: "shop-dev, shop-leads",
        mono: true,
        wide: true,
        ..TextField::default()
    };
    let hint = others.then(|| {
        view! { <p class="note">"Asking about somebody else stands in the audit log. The portal does not keep anybody’s groups, so name the groups to try."</p> }
    });
    // Put together before the form: its children are a closure and may not borrow.
    let fields = view! {
        {path.view(errors)}
        {select_field("x-action", "action", "Action", "all actions", actions, query.action.as_deref(), errors)}
        {others.then(|| person.view(errors))}
        {others.then(|| groups.view(errors))}
    };
    view! {
        <Form method="GET" action="/access" on_form_data=filled_in() attr:class="filters" attr:role="search" attr:aria-label="Explain access">
            {fields} <button class="btn go" type="submit">"Explain"</button>
        </Form>
        {hint}
    }
    .into_any()
}

/// The answer for one app: one action with its chain, or all of them.
fn decision(page: &access::AccessPage) -> AnyView {
    let Some((path, environment)) = &page.app else { return ().into_any() };
    match (page.actions.as_slice(), &page.query.action) {
        ([row], Some(_)) => chain::answer(page, row, path, environment),
        (rows, _) => matrix(page, rows, path, environment),
    }
}

fn matrix(page: &access::AccessPage, rows: &[ActionRow], path: &AppPath, place: &Environment) -> AnyView {
    let allowed = rows.iter().filter(|row| row.allowed).count();
    let body = rows
        .iter()
        .map(|row| {
            let (tone, word) = if row.allowed { (Tone::Pass, "yes") } else { (Tone::Locked, "no") };
            view! {
                <tr>
                    <th scope="row" class="full"><a class="mono" href=address(&page.query, Some(&row.action))>{row.action.clone()}</a><span class="sub">{row.sentence.clone()}</span></th>
                    <td class="lead">{status_plain(tone, word)}</td>
                    <td class="full soft">{rich(&row.decision.why)}</td>
                </tr>
            }
        })
        .collect_view();
    let end = view! { <span class="end">{environment(place)} " " <a href=href::app(path)>"Open the app"</a></span> }.into_any();
    let table = view! {
        <table class="dense stack">
            <caption class="vh">{format!("Every action on {path}, decided")}</caption>
            <thead>
                <tr>
                    <th scope="col">"Action"</th>
                    <th scope="col">"Allowed"</th>
                    <th scope="col">"Why"</th>
                </tr>
            </thead>
            <tbody>{body}</tbody>
        </table>
    }
    .into_any();
    section("x-matrix", format!("What {} may do on {path}", whom(page)), format!("{allowed} of {} actions", rows.len()), end, table)
}

fn held(page: &access::AccessPage, others: bool) -> AnyView {
    let content = if page.grants.is_empty() {
        let why = if others {
            "No grant of the policy names this person or one of these groups, so everything is refused."
        } else {
            "No grant of the policy names you or one of your groups, so nothing of the tree is yours to see. Ask the people who keep the policy for a grant."
        };
        empty("No grant", why, ().into_any())
    } else {
        scroll("Grants", grants_table(&page.grants, "Matched by"))
    };
    let meta = if page.grants.is_empty() { String::new() } else { "what no grant allows is refused".to_owned() };
    section("x-grants", if others { "Grants that would hold" } else { "Your grants" }, meta, ().into_any(), content)
}

fn whom(page: &access::AccessPage) -> String {
    if about_others(&page.query) { page.person.clone() } else { "you".to_owned() }
}

/// A sentence with its full stop.
fn ended(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// The environments of a grant.
fn environments(list: &[Environment]) -> AnyView {
    if list.is_empty() { tag("all").into_any() } else { list.iter().map(|name| view! { {environment(name)} " " }).collect_view().into_any() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_reads_back_from_its_own_address() {
        let mut params = ParamsMap::new();
        params.insert("path", " /shop/ ".to_owned());
        params.insert("action", String::new());
        params.insert("groups", "shop-dev, audit".to_owned());
        let query = asked(&params);
        assert_eq!(query, AccessQuery { path: Some("/shop/".to_owned()), groups: Some("shop-dev, audit".to_owned()), ..AccessQuery::default() });
        assert_eq!(address(&query, Some("run.launch")), "/access?path=/shop/&action=run.launch&groups=shop-dev,%20audit");
    }
}
