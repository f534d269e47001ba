//! `/audit`: who did what, when, and how it ended. One row an operation, intent and outcome together.
//!
//! The filters are the query string, pages are cursors, the open entry is `?entry=`; everything works without script.

mod detail;
mod filters;
mod row;

use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use windfirm_model::view::audit::{self, AuditQuery};

use crate::{
    api::audit::audit,
    href, platform,
    ui::{
        field::{Answered, FieldErrors, given},
        format::full,
        layout::{button, empty, head, notice, scroll},
        loaded::loaded,
        status::Tone,
        text::why_with,
    },
};

#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| asked(&query.read()));
    let page = Resource::new(
        move || asked.get(),
        |query| async move {
            let answer = audit(query.clone()).await;
            Answered::of(query, answer)
        },
    );
    loaded("Audit", page, |answer| match answer {
        Answered::Page(page) => audit_view(&page),
        Answered::Refused { query, fields } => refused(&query, &fields),
    })
}

/// The filters as they stand in the address; what is empty is absent.
fn asked(query: &ParamsMap) -> AuditQuery {
    let get = |name: &str| given(query, name);
    AuditQuery {
        path: get("path"),
        actor: get("actor"),
        event: get("event"),
        outcome: get("outcome"),
        from: get("from"),
        to: get("to"),
        before: get("before"),
        entry: get("entry"),
    }
}

/// The address of these filters, from `before` on, with `entry` open.
fn address(query: &AuditQuery, before: Option<&str>, entry: Option<&str>) -> String {
    href::with_query(
        "/audit",
        &[
            ("path", query.path.as_deref()),
            ("actor", query.actor.as_deref()),
            ("event", query.event.as_deref()),
            ("outcome", query.outcome.as_deref()),
            ("from", query.from.as_deref()),
            ("to", query.to.as_deref()),
            ("before", before),
            ("entry", entry),
        ],
    )
}

fn is_filtered(query: &AuditQuery) -> bool {
    [&query.path, &query.actor, &query.event, &query.outcome, &query.from, &query.to].into_iter().any(Option::is_some)
}

/// The whole page.
#[must_use]
pub fn audit_view(page: &audit::AuditPage) -> AnyView {
    let now = view! { <p class="mute">{format!("as of {}", full(page.now))}</p> }.into_any();
    let list = if page.rows.is_empty() { nothing(page) } else { view! { {table(page)} {pages(page)} }.into_any() };
    let body = match &page.detail {
        None => list,
        Some(detail) => view! {
            <div class="cols">
                <div>{list}</div>
                <aside aria-label="Open entry" class="stick">{detail::detail(detail, &page.query)}</aside>
            </div>
        }
        .into_any(),
    };
    view! {
        {head("Audit", now)}
        {scope(&page.scope)}
        {filters::filters(&page.query, &page.codes, &FieldErrors::new())}
        {body}
    }
    .into_any()
}

/// The filters again, with what was wrong with them.
fn refused(query: &AuditQuery, fields: &FieldErrors) -> AnyView {
    platform::set_page_status(422);
    // What has no field of its own in the form is said here.
    let rest =
        fields.iter().filter(|(name, _)| !filters::NAMES.contains(&name.as_str())).map(|(_, sentence)| notice(Tone::Fail, "Wrong", sentence)).collect_view();
    view! {
        {head("Audit", ().into_any())}
        {notice(Tone::Fail, "Not filtered", "A filter cannot be taken, so nothing is shown rather than too much. What you entered is kept.")}
        {rest}
        {filters::filters(query, &filters::all_codes(), fields)}
    }
    .into_any()
}

/// Whose events these are: nobody reads more than their grants say.
fn scope(paths: &[String]) -> AnyView {
    if paths.is_empty() {
        return ().into_any();
    }
    let last = paths.len() - 1;
    let list = paths
        .iter()
        .enumerate()
        .map(|(index, path)| {
            let between = (index > 0).then_some(if index == last { " and " } else { ", " });
            view! { {between} <code>{path.clone()}</code> }
        })
        .collect_view();
    why_with("", view! { "You read the events of " {list} " and below. Reading them is an event, too. " <a href="/access">"Your grants"</a> }.into_any())
}

fn nothing(page: &audit::AuditPage) -> AnyView {
    if page.query.before.is_some() {
        empty("Nothing older", "This is the end of the log for these filters.", button(address(&page.query, None, None), "Show the newest"))
    } else if is_filtered(&page.query) {
        empty(
            "No event matches these filters",
            "There may be events that you may read, but none with all of these properties. Take one filter away, or all of them.",
            button("/audit".to_owned(), "Clear all filters"),
        )
    } else {
        empty(
            "No events yet",
            "Nothing has happened on the apps whose events you may read. Every login, launch, stop and refusal will stand here.",
            ().into_any(),
        )
    }
}

fn table(page: &audit::AuditPage) -> AnyView {
    let open = page.detail.as_ref().map(|detail| detail.row.seq);
    let rows = page.rows.iter().map(|event| row::row(event, &page.query, page.now, open)).collect_view();
    scroll(
        "Events",
        view! {
            <table class="dense stack">
                <caption class="vh">"Events, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col" aria-sort="descending">"Time, UTC ↓"</th>
                        <th scope="col">"Actor"</th>
                        <th scope="col">"Event"</th>
                        <th scope="col">"Target"</th>
                        <th scope="col">"Intent and outcome"</th>
                        {open.is_none().then(|| view! { <th scope="col">"Acted as"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any(),
    )
}

fn pages(page: &audit::AuditPage) -> AnyView {
    let shown = page.rows.len();
    let words = match (&page.query.before, &page.older) {
        (None, None) => format!("{shown} in all, newest first"),
        (None, Some(_)) => format!("the newest {shown}; older ones exist"),
        (Some(_), Some(_)) => format!("{shown} older; more exist"),
        (Some(_), None) => format!("{shown} older; this is the end"),
    };
    let newest = page.query.before.is_some().then(|| view! { <a class="btn sm" href=address(&page.query, None, None)>"Newest"</a> });
    let older = page.older.as_deref().map(|cursor| view! { <a class="btn sm" href=address(&page.query, Some(cursor), None)>"Older"</a> });
    view! { <nav class="foot" aria-label="Pages"><span>{words}</span> <span class="grow"></span> {newest} {older}</nav> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_read_back_from_their_own_address_and_pages_keep_them() {
        let mut params = ParamsMap::new();
        params.insert("path", "/shop/".to_owned());
        params.insert("event", "run.*".to_owned());
        params.insert("outcome", String::new());
        params.insert("entry", "42".to_owned());
        let query = asked(&params);
        assert_eq!(query.entry.as_deref(), Some("42"));
        assert_eq!(query.outcome, None);
        assert_eq!(address(&query, Some("17"), None), "/audit?path=/shop/&event=run.*&before=17");
        assert!(is_filtered(&query));
        assert!(!is_filtered(&AuditQuery { before: Some("17".to_owned()), ..AuditQuery::default() }));
    }
}
