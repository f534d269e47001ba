//! `/runs`: the history. The filters are the query string, pages are cursors, and everything works without script.

use leptos::prelude::*;
use leptos_router::{components::Form, hooks::use_query_map, params::ParamsMap};
use windfirm_model::{
    clock::Timestamp,
    run::RunStateKind,
    view::runs::{self, RunRow, RunsQuery},
};

use crate::{
    api, href,
    ui::{
        charts::mini_band,
        field::{filled_in, given},
        format::{digest, full, iso, latency, short, stopwatch},
        layout::{button, empty, head, scroll},
        loaded::loaded,
        status::{environment, run_status, run_word},
        text::rich,
    },
};

#[component]
pub fn RunsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| asked(&query.read()));
    let page = Resource::new(move || asked.get(), api::runs::runs);
    loaded("Runs", page, |page| runs_view(&page))
}

/// The filters as they stand in the address; what is empty is absent.
fn asked(query: &ParamsMap) -> RunsQuery {
    let get = |name: &str| given(query, name);
    RunsQuery { path: get("path"), env: get("env"), state: get("state"), by: get("by"), test: get("test"), before: get("before") }
}

/// The address of these filters, from `before` on.
fn address(query: &RunsQuery, before: Option<&str>) -> String {
    href::with_query(
        "/runs",
        &[
            ("path", query.path.as_deref()),
            ("env", query.env.as_deref()),
            ("state", query.state.as_deref()),
            ("by", query.by.as_deref()),
            ("test", query.test.as_deref()),
            ("before", before),
        ],
    )
}

fn is_filtered(query: &RunsQuery) -> bool {
    [&query.path, &query.env, &query.state, &query.by, &query.test].into_iter().any(Option::is_some)
}

/// The whole page.
#[must_use]
pub fn runs_view(page: &runs::RunsPage) -> AnyView {
    let now = view! { <p class="mute">{format!("as of {}", full(page.now))}</p> }.into_any();
    let filters = (page.any || is_filtered(&page.query)).then(|| filters(page));
    let content = if !page.rows.is_empty() {
        view! { {table(page)} {pages(page)} }.into_any()
    } else if page.query.before.is_some() {
        empty("Nothing older", "This is the end of the history for these filters.", button(address(&page.query, None), "Show the newest"))
    } else if page.any {
        empty(
            "No run matches these filters",
            "There are runs that you may see, but none with all of these properties. Take one filter away, or all of them.",
            button("/runs".to_owned(), "Clear all filters"),
        )
    } else {
        empty(
            "No runs yet",
            "Nobody has run a test on an app that you may see. Open your tree, choose an app with a test, and run it.",
            button("/tree".to_owned(), "Open your tree"),
        )
    };
    view! { {head("Runs", now)} {filters} {content} }.into_any()
}

fn filters(page: &runs::RunsPage) -> AnyView {
    let query = &page.query;
    let [path, by, test] = [&query.path, &query.by, &query.test].map(|value| value.clone().unwrap_or_default());
    let clear = is_filtered(query).then(|| view! { <a class="btn bare" href="/runs">"Clear"</a> });
    let environments = page
        .environments
        .iter()
        .map(|environment| {
            let name = environment.to_string();
            let chosen = query.env.as_deref() == Some(name.as_str());
            view! { <option value=name.clone() selected=chosen>{name.clone()}</option> }
        })
        .collect_view();
    let states = [("live", "live")]
        .into_iter()
        .chain(RunStateKind::ALL.into_iter().map(|kind| (kind.word(), run_word(kind))))
        .map(|(value, word)| {
            let chosen = query.state.as_deref() == Some(value);
            view! { <option value=value selected=chosen>{word}</option> }
        })
        .collect_view();
    view! {
        <Form method="GET" action="/runs" on_form_data=filled_in() attr:class="filters" attr:role="search" attr:aria-label="Filter runs">
            <div class="field wide">
                <label for="r-path">"Path"</label>
                <input class="input mono" id="r-path" name="path" value=path placeholder="/shop/" spellcheck="false" autocomplete="off" />
            </div>
            <div class="field">
                <label for="r-env">"Environment"</label>
                <select class="input" id="r-env" name="env"><option value="">"any"</option>{environments}</select>
            </div>
            <div class="field">
                <label for="r-state">"State"</label>
                <select class="input" id="r-state" name="state"><option value="">"any"</option>{states}</select>
            </div>
            <div class="field">
                <label for="r-by">"By"</label>
                <input class="input" id="r-by" name="by" value=by placeholder="a name, or me" autocomplete="off" />
            </div>
            <div class="field">
                <label for="r-test">"Test"</label>
                <input class="input mono" id="r-test" name="test" value=test placeholder="browse.js" spellcheck="false" autocomplete="off" />
            </div>
            <button class="btn" type="submit">"Apply"</button>
            {clear}
        </Form>
    }
    .into_any()
}

fn table(page: &runs::RunsPage) -> AnyView {
    let rows = page.rows.iter().map(|run| row(run, page.now)).collect_view();
    scroll(
        "Runs",
        view! {
            <table class="dense stack">
                <thead>
                    <tr>
                        <th scope="col">"Verdict"</th>
                        <th scope="col">"App"</th>
                        <th scope="col">"Test"</th>
                        <th scope="col">"Profile"</th>
                        <th scope="col">"Band"</th>
                        <th scope="col" class="num">"Spread"</th>
                        <th scope="col" class="num">"Took"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"Tree"</th>
                        <th scope="col">"Note"</th>
                        <th scope="col">"Run"</th>
                        <th scope="col" class="num" aria-sort="descending">"Asked ↓"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any(),
    )
}

fn row(run: &RunRow, now: Timestamp) -> AnyView {
    let spread = run.totals.filter(|totals| totals.requests > 0).map_or_else(|| "—".to_owned(), |totals| latency(totals.spread_us()));
    let took = stopwatch(run.ended.unwrap_or(now).micros_since(run.created) / 1_000_000);
    let test = run.test.rsplit('/').next().unwrap_or(&run.test).to_owned();
    let link = href::run(run.id);
    let plain = run.reason.as_ref().map(|reason| reason.replace('`', ""));
    view! {
        <tr>
            <td class="lead">{run_status(run.state)}</td>
            <th scope="row" class="full"><a class="mono" href=link.clone()>{run.path.to_string()}</a> " " {environment(&run.environment)}</th>
            <td class="mono" data-h="Test">{test}</td>
            <td data-h="Profile">{run.profile.word()}</td>
            <td class="opt">{mini_band(&run.band_us)}</td>
            <td class="num" data-h="Spread">{spread}</td>
            <td class="num opt">{took}</td>
            <td class="nb" data-h="By">{run.by.clone()}</td>
            <td class="opt"><code>{digest(&run.commit)}</code></td>
            <td class="soft full cut" title=plain>{run.reason.as_deref().map(rich)}</td>
            <td class="mono mute opt"><a href=link>{run.id.short()}</a></td>
            <td class="num lead tail"><time datetime=iso(run.created)>{short(run.created, now)}</time></td>
        </tr>
    }
    .into_any()
}

fn pages(page: &runs::RunsPage) -> AnyView {
    let shown = page.rows.len();
    let words = match (&page.query.before, &page.older) {
        (None, None) => format!("{shown} in all, newest first"),
        (None, Some(_)) => format!("the newest {shown}; older ones exist"),
        (Some(_), Some(_)) => format!("{shown} older; more exist"),
        (Some(_), None) => format!("{shown} older; this is the end"),
    };
    let newest = page.query.before.is_some().then(|| view! { <a class="btn sm" href=address(&page.query, None)>"Newest"</a> });
    let older = page.older.as_deref().map(|cursor| view! { <a class="btn sm" href=address(&page.query, Some(cursor))>"Older"</a> });
    view! { <nav class="foot" aria-label="Pages"><span>{words}</span> <span class="grow"></span> {newest} {older}</nav> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_filters_are_absent_and_pages_keep_the_rest() {
        let mut params = ParamsMap::new();
        params.insert("path", " /shop/ ".to_owned());
        params.insert("env", String::new());
        params.insert("state", "live".to_owned());
        let query = asked(&params);
        assert_eq!((query.path.as_deref(), query.env.as_deref(), query.state.as_deref()), (Some("/shop/"), None, Some("live")));
        assert_eq!(address(&query, Some("abc")), "/runs?path=/shop/&state=live&before=abc");
    }
}
