//! The treegrid: flat rows with their levels, places and folds told explicitly. Rows are turned over by links.

use leptos::prelude::*;
use windfirm_model::view::tree::{AppRow, TreePage, TreeQuery, TreeRow};

use super::{
    address,
    cells::{ELSEWHERE, action, in_cluster, is_calm, live, lock_words, rolled_up, says_why, spread, verdict, wave, why_link},
    keys, more,
};
use crate::{
    href,
    ui::{
        icon::icon,
        status::{Tone, environment, status},
        text::{rich, why, why_with},
    },
};

pub(super) fn grid(page: &TreePage, wanted: keys::Wanted) -> AnyView {
    keys::drawn(wanted);
    let rows = page
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| match row {
            TreeRow::App(row) => app(row, page, index),
            TreeRow::Hidden { level, count, position, size } => hidden(*level, *count, *position, *size, page.has_live, index == 0),
        })
        .collect_view();
    view! {
        <div class="scroll sec near" role="region" tabindex="0" aria-label="Application tree">
            <table
                class=if page.has_live { "tree with-live" } else { "tree" }
                role="treegrid"
                aria-rowcount=row_count(page)
                aria-label="Applications that you may see"
                on:keydown=move |event| keys::pressed(&event, wanted)
                on:click=move |event| keys::touched(&event, wanted)
                on:focusin=move |event| keys::touched(&event, wanted)
            >
                <thead>
                    <tr role="row">
                        <th role="columnheader" scope="col">"App"</th>
                        <th role="columnheader" scope="col">"Wave"</th>
                        <th role="columnheader" scope="col">"Env."</th>
                        {page.has_live.then(|| view! { <th role="columnheader" scope="col">"In the cluster"</th> })}
                        <th role="columnheader" scope="col">"Last verdict"</th>
                        <th role="columnheader" scope="col">"Worst below"</th>
                        <th role="columnheader" scope="col" class="num">"Spread, last runs"</th>
                        <th role="columnheader" scope="col" class="num">"Tests"</th>
                        <th role="columnheader" scope="col" class="end"><span class="vh">"Action"</span></th>
                    </tr>
                </thead>
                <tbody>{rows} {more(page)}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn guides(level: u32) -> AnyView {
    (1..level).map(|_| view! { <span class="g" aria-hidden="true"></span> }).collect_view().into_any()
}

/// One row is in the tab order; which one follows the focus.
const fn tab_stop(first: bool) -> &'static str {
    if first { "0" } else { "-1" }
}

fn app(row: &AppRow, page: &TreePage, index: usize) -> AnyView {
    let above = index.checked_sub(1).and_then(|above| page.rows.get(above));
    let live = page.has_live.then(|| {
        // Shown once, where the app has its place.
        let cell = (!row.cycle).then(|| in_cluster(row, page.now));
        view! { <td role="gridcell" class=if row.cycle || is_calm(row) { "opt live-cell" } else { "live-cell" }>{cell}</td> }
    });
    // An app that is shown a second time, at the end of a loop, has no key: the focus goes to the first one.
    let key = (!row.cycle).then(|| row.path.to_string());
    view! {
        <tr
            role="row"
            tabindex=tab_stop(index == 0)
            aria-posinset=row.position.to_string()
            aria-setsize=row.size.to_string()
            aria-expanded=row.expanded.map(|open| if open { "true" } else { "false" })
            data-row=key
        >
            {node(row, page, index)}
            <td role="gridcell" class="opt">{wave(row)}</td>
            <td role="gridcell" class="opt env">{environment(&row.environment)}</td>
            {live}
            {rest(row, page, above)}
        </tr>
    }
    .attr("aria-level", row.level.to_string())
    .into_any()
}

fn node(row: &AppRow, page: &TreePage, index: usize) -> AnyView {
    let shape = if row.kind == "ApplicationSet" { "set" } else { "app" };
    let set = (row.kind != "Application").then(|| view! { <span class="kind">{row.kind.clone()}</span> });
    let elsewhere = row.elsewhere.then(|| view! { <span class="kind">{ELSEWHERE}</span> });
    let context = row.context.then(|| view! { <span class="kind">"leads to a match"</span> });
    view! {
        <td role="gridcell" class="node">
            <span>
                {guides(row.level)} {twist(row, page, index)}
                <svg class="i mute" aria-hidden="true">
                    <use href=format!("#i-{shape}") />
                </svg>
                <a class="name" href=href::app(&row.path)>
                    {row.name.clone()}
                </a>
                {set}
                {elsewhere}
                {context}
            </span>
        </td>
    }
    .into_any()
}

fn twist(row: &AppRow, page: &TreePage, index: usize) -> AnyView {
    let (Some(open), Some(toggle)) = (row.expanded, &row.toggle) else {
        return view! { <span class="twist" aria-hidden="true">{(row.expanded == Some(true)).then(|| icon("caret"))}</span> }.into_any();
    };
    let rows = if open { page.query.rows.clone() } else { more::with_room(page, index) };
    let link = address(&TreeQuery { open: Some(toggle.clone()), rows, ..page.query.clone() });
    let (shape, word) = if open { ("caret", "Fold") } else { ("right", "Unfold") };
    view! { <a class="twist" href=link aria-label=format!("{word} {}", row.name) data-noscroll="">{icon(shape)}</a> }.into_any()
}

/// The cells after the environment: numbers, or one sentence in the place of those that would be empty.
fn rest(row: &AppRow, page: &TreePage, above: Option<&TreeRow>) -> AnyView {
    if row.cycle {
        let sentence = "This app already stands further up. The manifests lead in a circle; it is shown, not followed.";
        return view! {
            <td role="gridcell" colspan="4" class="why-cell">{why("inconclusive", sentence)}</td>
            <td role="gridcell" class="end">{status(Tone::Inconclusive, "loop")}</td>
        }
        .into_any();
    }
    if says_why(row) {
        let is_said = matches!(above, Some(TreeRow::App(above)) if says_why(above) && above.launch.why == row.launch.why);
        let reason = if is_said { view! { "As above." }.into_any() } else { rich(&lock_words(row, page)).into_any() };
        let sentence = view! { {reason} " " <a href=why_link(&row.path)>"See which rule"</a> }.into_any();
        return view! {
            <td role="gridcell" class="v">{verdict(row)}</td>
            <td role="gridcell" colspan="2" class="why-cell">{why_with("locked", sentence)}</td>
            <td role="gridcell" class="num opt">{row.tests.to_string()}</td>
            <td role="gridcell" class="end">{crate::ui::status::locked(&row.launch)}</td>
        }
        .into_any();
    }
    let parent = row.expanded.is_some();
    // A leaf's live runs are its own.
    let own = if !parent && row.live > 0 { live(row) } else { verdict(row) };
    let below = parent.then(|| view! { {rolled_up(row)} " " {live(row)} });
    view! {
        <td role="gridcell" class="v">{own}</td>
        <td role="gridcell" class="opt">{below}</td>
        <td role="gridcell" class="num opt">{spread(row)}</td>
        <td role="gridcell" class="num opt">{row.tests.to_string()}</td>
        <td role="gridcell" class="end">{action(row)}</td>
    }
    .into_any()
}

/// Apps that the reader may not see: how many, never which.
fn hidden(level: u32, count: u32, position: u32, size: u32, has_live: bool, first: bool) -> AnyView {
    view! {
        <tr
            role="row"
            class="hidden-row"
            tabindex=tab_stop(first)
            aria-posinset=position.to_string()
            aria-setsize=size.to_string()
        >
            <td role="gridcell" class="node">
                <span>{guides(level)} <span class="twist" aria-hidden="true"></span> {icon("hidden")} {format!("{count} hidden")}</span>
            </td>
            <td role="gridcell" colspan=if has_live { "8" } else { "7" } class="why-cell">
                {why("", "Apps exist here that no grant of yours covers. Their names are not shown.")}
            </td>
        </tr>
    }
    .attr("aria-level", level.to_string())
    .into_any()
}

/// Where not all rows are shown, how many there are with the head.
fn row_count(page: &TreePage) -> Option<String> {
    (page.rows_left > 0).then(|| page.rows.len().saturating_add(1).saturating_add(usize::try_from(page.rows_left).unwrap_or(usize::MAX)).to_string())
}

/// The way to the rows that are not shown. It answers to the last app above it, so that the focus stands there when they have come.
fn more(page: &TreePage) -> Option<AnyView> {
    let link = more::link(page)?;
    let last = page.rows.iter().rev().find_map(|row| match row {
        TreeRow::App(row) if !row.cycle => Some(row.path.to_string()),
        _ => None,
    });
    let row = view! {
        <tr role="row" class="more-row" tabindex="-1" data-row=last>
            <td role="gridcell" colspan=if page.has_live { "9" } else { "8" }>{link}</td>
        </tr>
    };
    Some(row.into_any())
}
