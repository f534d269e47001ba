//! The flat view: the same apps by path, one row each. Easier to read on a small screen and for readers that walk tables.

use leptos::prelude::*;
use windfirm_model::view::tree::{AppRow, TreePage, TreeRow};

use super::{
    cells::{ELSEWHERE, action, in_cluster, live, lock_words, says_why, spread, verdict, wave},
    more,
};
use crate::{
    href,
    ui::{layout::scroll, status::environment, text::why},
};

pub(super) fn table(page: &TreePage) -> AnyView {
    let rows = page
        .rows
        .iter()
        .filter_map(|row| match row {
            TreeRow::App(row) => Some(app(row, page)),
            // The foot says how many are hidden.
            TreeRow::Hidden { .. } => None,
        })
        .collect_view();
    let table = view! {
        <table class=if page.has_live { "dense stack with-live" } else { "dense stack" }>
            <thead>
                <tr>
                    <th scope="col" aria-sort="ascending">"App ↑"</th>
                    <th scope="col">"Wave"</th>
                    <th scope="col">"Env."</th>
                    {page.has_live.then(|| view! { <th scope="col">"In the cluster"</th> })}
                    <th scope="col">"Last verdict"</th>
                    <th scope="col">"Live"</th>
                    <th scope="col" class="num">"Spread, last runs"</th>
                    <th scope="col" class="num">"Tests"</th>
                    <th scope="col" class="end"><span class="vh">"Action"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    let more = more::link(page).map(|link| view! { <p class="more-row">{link}</p> });
    view! { <div class="sec near">{scroll("Applications that you may see", table.into_any())} {more}</div> }.into_any()
}

fn app(row: &AppRow, page: &TreePage) -> AnyView {
    let stands = page.has_live.then(|| view! { <td class="full live-cell">{in_cluster(row, page.now)}</td> });
    let middle = if says_why(row) {
        view! { <td class="full" colspan="2">{why("locked", &lock_words(row, page))}</td> }.into_any()
    } else {
        view! {
            <td data-h="Live">{live(row)}</td>
            <td class="num" data-h="Spread">{spread(row)}</td>
        }
        .into_any()
    };
    let elsewhere = row.elsewhere.then(|| view! { <span class="sub">{ELSEWHERE}</span> });
    view! {
        <tr>
            <th scope="row" class="full"><a class="mono" href=href::app(&row.path)>{row.path.to_string()}</a> {elsewhere}</th>
            <td class="opt">{wave(row)}</td>
            <td>{environment(&row.environment)}</td>
            {stands}
            <td class="lead">{verdict(row)}</td>
            {middle}
            <td class="num" data-h="Tests">{row.tests.to_string()}</td>
            <td class="end tail">{action(row)}</td>
        </tr>
    }
    .into_any()
}
