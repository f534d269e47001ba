//! `/tree`: the apps that the reader may see, as a treegrid or as a flat table. Filters, unfolded rows and the view stand in the
//! address, so everything works without script; with it, the arrows move and turn rows over.

mod cells;
mod grid;
pub mod keys;
mod more;
mod summary;
mod table;

use leptos::prelude::*;
use leptos_router::{components::Form, hooks::use_query_map, params::ParamsMap};
use windfirm_model::view::{
    cluster::{HealthWord, SyncWord},
    tree::{self, TreeQuery},
};

use crate::{
    api, href,
    ui::{
        field::{filled_in, given},
        icon::icon,
        layout::{button, empty, window_title},
        loaded::loaded,
    },
};

/// What the verdict filter offers: the word of the address and the word on the page.
const VERDICTS: [(&str, &str); 5] =
    [("fail", "fail"), ("inconclusive", "inconclusive"), ("pass", "pass"), ("live", "running now"), ("never", "no verdict yet")];

#[component]
pub fn TreePage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| asked(&query.read()));
    let page = Resource::new(move || asked.get(), api::tree::tree);
    let wanted = keys::listen();
    loaded("Tree", page, move |page| tree_view(&page, wanted))
}

/// The state of the page as it stands in the address; what is empty is absent.
fn asked(query: &ParamsMap) -> TreeQuery {
    let get = |name: &str| given(query, name);
    TreeQuery {
        q: get("q"),
        env: get("env"),
        verdict: get("verdict"),
        health: get("health"),
        sync: get("sync"),
        settled: get("settled"),
        open: get("open"),
        view: get("view"),
        rows: get("rows"),
    }
}

/// The address of a state of the page.
fn address(query: &TreeQuery) -> String {
    let TreeQuery { q, env, verdict, health, sync, settled, open, view, rows } = query;
    let pairs = [
        ("q", q),
        ("env", env),
        ("verdict", verdict),
        ("health", health),
        ("sync", sync),
        ("settled", settled),
        ("open", open),
        ("view", view),
        ("rows", rows),
    ];
    href::with_query("/tree", &pairs.map(|(name, value)| (name, value.as_deref())))
}

fn is_filtered(query: &TreeQuery) -> bool {
    [&query.q, &query.env, &query.verdict, &query.health, &query.sync, &query.settled].into_iter().any(Option::is_some)
}

fn is_table(query: &TreeQuery) -> bool {
    query.view.as_deref() == Some("table")
}

/// The same state without filters.
fn unfiltered(query: &TreeQuery) -> TreeQuery {
    TreeQuery { open: query.open.clone(), view: query.view.clone(), ..TreeQuery::default() }
}

/// The whole page. `wanted` is the row that has the focus, across drawings.
#[must_use]
fn tree_view(page: &tree::TreePage, wanted: keys::Wanted) -> AnyView {
    let query = &page.query;
    let content = if page.visible_apps == 0 {
        nothing_visible(page)
    } else {
        let list = match (page.rows.is_empty(), is_table(query)) {
            (true, _) => empty(
                "No app matches these filters",
                "You may see apps, but none with all of these properties. Take one filter away, or all of them.",
                button(address(&unfiltered(query)), "Clear all filters"),
            ),
            (false, true) => table::table(page),
            (false, false) => grid::grid(page, wanted),
        };
        more::drawn();
        view! { {filters(page)} {summary::share(page)} {list} }.into_any()
    };
    view! { {window_title("Tree")} {head(page)} {summary::troubles(page)} {content} {summary::foot(page)} }.into_any()
}

fn head(page: &tree::TreePage) -> AnyView {
    let query = &page.query;
    let seg = |name: &'static str, shape: &'static str, view: Option<&str>, chosen: bool| {
        let link = address(&TreeQuery { view: view.map(str::to_owned), rows: None, ..query.clone() });
        view! { <a href=link aria-current=chosen.then_some("true") data-noscroll="">{icon(shape)} {name}</a> }
    };
    let all = |name: &'static str, open: &str| {
        let link = address(&TreeQuery { open: Some(open.to_owned()), ..query.clone() });
        view! { <a class="btn bare" href=link data-noscroll="">{name}</a> }
    };
    let folds = (page.visible_apps > 0 && !is_table(query) && !is_filtered(query)).then(|| view! { {all("Unfold all", "all")} {all("Fold all", "none")} });
    view! {
        <header class="head">
            <h1>"Tree"</h1>
            <div class="acts">
                {folds}
                <div class="seg" role="group" aria-label="Show as">
                    {seg("Tree", "tree", None, !is_table(query))} {seg("Table", "table", Some("table"), is_table(query))}
                </div>
            </div>
        </header>
    }
    .into_any()
}

fn nothing_visible(page: &tree::TreePage) -> AnyView {
    // Only those who look after the portal may open that page.
    let system = |name: &'static str| if page.may_view_system { button("/system".to_owned(), name) } else { ().into_any() };
    if page.revision.is_unread() {
        let why = page.revision.stale.as_deref().unwrap_or_default();
        return empty(
            "The tree could not be read",
            &format!("No commit of `{}` could be read since Windfirm started, so there are no apps to show. {why}", page.revision.source),
            system("See the state of the portal"),
        );
    }
    if page.hidden_apps == 0 {
        return empty(
            "The tree holds no apps",
            &format!("`{}` was read and no Application was found in it. As soon as one is committed, it appears here.", page.revision.source),
            system("See what was read"),
        );
    }
    empty(
        "No app that you may see",
        "Apps exist, but no grant of yours covers any of them. Grants go to groups: ask the owner of your app which group it needs, then log in again.",
        button("/access".to_owned(), "What I may do"),
    )
}

fn filters(page: &tree::TreePage) -> AnyView {
    let query = &page.query;
    let typed = query.q.clone().unwrap_or_default();
    let environments = page
        .environments
        .iter()
        .map(|environment| {
            let name = environment.to_string();
            let chosen = query.env.as_deref() == Some(name.as_str());
            view! { <option value=name.clone() selected=chosen>{name.clone()}</option> }
        })
        .collect_view();
    let verdicts = VERDICTS
        .into_iter()
        .map(|(value, word)| {
            let chosen = query.verdict.as_deref() == Some(value);
            view! { <option value=value selected=chosen>{word}</option> }
        })
        .collect_view();
    let live = page.has_live.then(|| live_filters(query));
    let clear = is_filtered(query).then(|| view! { <a class="btn bare" href=address(&unfiltered(query))>"Clear"</a> });
    // What the form does not ask for stays as it is.
    let kept = [("open", query.open.clone()), ("view", query.view.clone())]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| view! { <input type="hidden" name=name value=value /> }))
        .collect_view();
    view! {
        <Form method="GET" action="/tree" on_form_data=filled_in() attr:class="filters" attr:role="search" attr:aria-label="Filter the tree">
            {kept}
            <div class="field wide">
                <label for="tree-q">"Name or path"</label>
                <input class="input" id="tree-q" name="q" type="search" value=typed placeholder="name or /path/" spellcheck="false" autocomplete="off" aria-keyshortcuts="/" />
            </div>
            <div class="field">
                <label for="tree-env">"Environment"</label>
                <select class="input" id="tree-env" name="env"><option value="">"any"</option>{environments}</select>
            </div>
            <div class="field">
                <label for="tree-verdict">"Last verdict"</label>
                <select class="input" id="tree-verdict" name="verdict"><option value="">"any"</option>{verdicts}</select>
            </div>
            {live}
            <button class="btn" type="submit">"Apply"</button>
            {clear}
        </Form>
    }
    .into_any()
}

/// What can be asked only where a cluster says how apps stand.
fn live_filters(query: &TreeQuery) -> AnyView {
    let health = HealthWord::ALL.map(|word| (word.word(), word.word())).to_vec();
    let sync = SyncWord::ALL.map(|word| (word.code(), if word == SyncWord::Unknown { "unknown" } else { word.word() })).to_vec();
    view! {
        {choice("tree-health", "health", "Health", health, query.health.as_deref())}
        {choice("tree-sync", "sync", "Sync", sync, query.sync.as_deref())}
        {choice("tree-settled", "settled", "Settled", vec![("no", "not settled"), ("yes", "settled")], query.settled.as_deref())}
    }
    .into_any()
}

fn choice(id: &'static str, name: &'static str, label: &'static str, options: Vec<(&'static str, &'static str)>, chosen: Option<&str>) -> AnyView {
    let options = options.into_iter().map(|(value, word)| view! { <option value=value selected=chosen == Some(value)>{word}</option> }).collect_view();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select class="input" id=id name=name><option value="">"any"</option>{options}</select>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_state_stands_in_the_address_and_comes_back_from_it() {
        let mut params = ParamsMap::new();
        params.insert("q", " pay ".to_owned());
        params.insert("env", String::new());
        params.insert("open", "/shop/,/shop/payments/".to_owned());
        params.insert("view", "table".to_owned());
        params.insert("rows", "100".to_owned());
        let query = asked(&params);
        assert_eq!((query.q.as_deref(), query.env.as_deref()), (Some("pay"), None));
        assert_eq!(address(&query), "/tree?q=pay&open=/shop/,/shop/payments/&view=table&rows=100");
        assert_eq!(address(&unfiltered(&query)), "/tree?open=/shop/,/shop/payments/&view=table");
        assert!(is_filtered(&query) && is_table(&query) && !is_filtered(&unfiltered(&query)));
    }
}
