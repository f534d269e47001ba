//! `/runs/{id}/log`: the whole of k6's log, page by page.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use windfirm_model::{fault::Fault, id::RunId, view::run::LogPage};

use crate::{
    api::runs::log,
    href,
    pages::run::log_line,
    ui::{
        format::count,
        layout::{empty, notice, window_title},
        loaded::loaded,
        status::Tone,
    },
};

#[component]
pub fn RunLogPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| (params.read().get("id").unwrap_or_default(), query.read().get("from").unwrap_or_default()));
    let page = Resource::new(
        move || asked.get(),
        |(id, from)| async move {
            let id: RunId = id.parse().map_err(|_| Fault::NotFound)?;
            let from = if from.is_empty() { 0 } else { from.parse().map_err(|_| Fault::field("from", format!("“{from}” is not the number of a line.")))? };
            Ok((id, log(id, from).await?))
        },
    );
    loaded("Log", page, |(id, page)| log_view(id, &page))
}

/// One page of the log, oldest line first.
#[must_use]
pub fn log_view(id: RunId, page: &LogPage) -> AnyView {
    let shown = u64::try_from(page.lines.len()).unwrap_or_default();
    let end = page.from.saturating_add(shown);
    let title = format!("Log of run {}", id.short());
    let dropped = (page.dropped > 0).then(|| {
        let sentence = format!("{} lines were not kept, because the log went over its bound. What stands here is the beginning.", count(page.dropped));
        notice(Tone::Inconclusive, "Cut", &sentence)
    });
    let content = if page.lines.is_empty() {
        let back = view! { <p class="acts"><a class="btn" href=href::run(id)>"Back to the run"</a></p> }.into_any();
        let why = if page.total == 0 { "k6 has written nothing in this run." } else { "The log is shorter than this address asks for." };
        empty("No lines", why, back)
    } else {
        view! {
            <div class="log plain whole" tabindex="0" role="region" aria-label="Log lines">
                <ol start=page.from.saturating_add(1).to_string()>{page.lines.iter().map(log_line).collect_view()}</ol>
            </div>
        }
        .into_any()
    };
    let step = shown.max(1);
    let older = (page.from > 0).then(|| href::run_log(id, page.from.saturating_sub(step)));
    let newer = (end < page.total).then(|| href::run_log(id, end));
    view! {
        {window_title(title.clone())}
        <header class="head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li><a href="/runs">"Runs"</a></li>
                    <li><a href=href::run(id)>{id.short()}</a></li>
                    <li><span aria-current="page">"log"</span></li>
                </ol>
            </nav>
            <h1>{title}</h1>
            <p class="facts-line"><span>"Oldest first, times in UTC, secrets masked"</span></p>
        </header>
        {dropped}
        {content}
        <nav class="foot" aria-label="Pages">
            <span>{if shown == 0 { format!("{} lines", count(page.total)) } else { format!("lines {} to {} of {}", count(page.from + 1), count(end), count(page.total)) }}</span>
            <span class="grow"></span>
            {older.map(|href| view! { <a class="btn sm" href=href>"Earlier"</a> })}
            {newer.map(|href| view! { <a class="btn sm" href=href>"Later"</a> })}
        </nav>
    }
    .into_any()
}
