//! k6's log on the run page: the newest lines, and the way to all of them.

use leptos::prelude::*;
use windfirm_model::view::run::{LogLine, RunPage};

use crate::{
    href,
    ui::{
        format::{clock, count, iso},
        layout::{head_link, nothing, section},
    },
};

pub(super) fn tail(page: &RunPage) -> AnyView {
    let lines = &page.log_tail;
    if lines.is_empty() {
        return section("log", "Log", "", ().into_any(), nothing("k6 has written nothing."));
    }
    let shown = u64::try_from(lines.len()).unwrap_or_default();
    let meta = if page.log_dropped > 0 {
        format!("cut: the last {} of the {} lines that were kept; {} later ones were not", count(shown), count(page.log_total), count(page.log_dropped))
    } else if shown < page.log_total {
        format!("newest {} of {} lines, newest first", count(shown), count(page.log_total))
    } else {
        "newest first, secrets masked".to_owned()
    };
    let list = view! {
        <div class="log plain" tabindex="0" role="log" aria-live="off" aria-label="Log tail">
            <ol>{lines.iter().rev().map(line).collect_view()}</ol>
        </div>
    }
    .into_any();
    section("log", "Log", meta, head_link(href::run_log(page.id, 0), "Whole log"), list)
}

/// One line: when, how grave, what.
pub(crate) fn line(line: &LogLine) -> AnyView {
    let (class, level) = match line.level.as_str() {
        "error" | "fatal" | "panic" => ("lv-err", "error"),
        "warning" | "warn" => ("lv-warn", "warn"),
        "debug" | "trace" => ("lv-info", "debug"),
        _ => ("lv-info", "info"),
    };
    let at = line.at.map_or_else(|| view! { <span>"—"</span> }.into_any(), |at| view! { <time datetime=iso(at)>{clock(at)}</time> }.into_any());
    view! { <li>{at} <span class=class>{level}</span> <span>{line.text.clone()}</span></li> }.into_any()
}
