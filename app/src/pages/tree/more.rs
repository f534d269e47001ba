//! The rows beyond the first ones. How many are shown stands in the address, so a link brings more; where scripts run, it is followed by
//! itself as soon as it is scrolled into view.

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
mod browser;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
mod server;

#[cfg(all(feature = "hydrate", not(feature = "ssr")))]
use browser as twin;
use leptos::prelude::*;
#[cfg(not(all(feature = "hydrate", not(feature = "ssr"))))]
use server as twin;
use windfirm_model::view::tree::{FIRST_ROWS, TreePage, TreeQuery, more_rows};

use super::address;

/// The link is followed by itself as long as no more rows than these are shown. Whoever has seen so many may rather want a filter.
const MOST_BY_ITSELF: u32 = 400;

/// Rows have been drawn.
pub(super) fn drawn() {
    twin::drawn();
}

fn shown(page: &TreePage) -> u32 {
    u32::try_from(page.rows.len()).unwrap_or(u32::MAX)
}

/// To more rows; none where all are shown.
pub(super) fn link(page: &TreePage) -> Option<AnyView> {
    (page.rows_left > 0).then(|| {
        let to = more_rows(shown(page));
        let next = to.saturating_sub(shown(page)).min(page.rows_left);
        let word = if next == page.rows_left { format!("Show the other {next}") } else { format!("Show {next} more of {}", page.rows_left) };
        let link = address(&TreeQuery { rows: Some(to.to_string()), ..page.query.clone() });
        let by_itself = (shown(page) <= MOST_BY_ITSELF).then_some("by-itself");
        view! { <a class="name" href=link data-more=by_itself data-noscroll="">{word}</a> }.into_any()
    })
}

/// Where fewer rows than these have room below a row that is unfolded, more are asked for.
const ROOM: u32 = 10;

/// How many rows to ask for when the row at `index` is unfolded, so that what comes below it is shown.
pub(super) fn with_room(page: &TreePage, index: usize) -> Option<String> {
    let own = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    if own.saturating_add(ROOM) > shown(page).max(FIRST_ROWS) { Some(own.saturating_add(FIRST_ROWS).to_string()) } else { page.query.rows.clone() }
}
