//! The browser's half: reads the rows from the page, moves the focus, follows links.

use leptos::{
    ev::{Event, KeyboardEvent},
    prelude::*,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{Place, Step, Wanted, step};

const ROWS: &str = "table[role=treegrid] > tbody > tr";
/// What in a row can take the focus.
const STOPS: &str = "a, summary";

pub(super) fn listen() {
    let handle = window_event_listener(leptos::ev::keydown, |event| {
        let typing = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|at| at.closest("input, textarea, select").is_ok_and(|found| found.is_some()));
        if event.key() == "/" && !typing && !(event.ctrl_key() || event.alt_key() || event.meta_key()) {
            if let Some(field) = document().get_element_by_id("tree-q").and_then(|field| field.dyn_into::<HtmlElement>().ok()) {
                event.prevent_default();
                _ = field.focus();
            }
        }
    });
    on_cleanup(move || handle.remove());
}

/// Waits until the new rows stand in the page, then puts the tab stop, and the focus if it was there, on the row it was on.
pub(super) fn drawn(wanted: Wanted) {
    Effect::new(move |_| {
        request_animation_frame(move || {
            let rows = rows();
            let key = wanted.row.try_get_value().flatten();
            let found = key.and_then(|key| rows.iter().position(|row| row.get_attribute("data-row").as_deref() == Some(key.as_str())));
            put_stop(&rows, found.unwrap_or(0));
            if let (Some(true), Some(row)) = (wanted.focused.try_get_value(), found.and_then(|at| rows.get(at))) {
                // A link in the row may still have it.
                if !document().active_element().is_some_and(|active| row.contains(Some(&active))) {
                    _ = row.focus();
                }
            }
        });
    });
}

pub(super) fn pressed(event: &KeyboardEvent, wanted: Wanted) {
    if with_modifier(event) || event.default_prevented() {
        return;
    }
    let rows = rows();
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let Some(at) = rows.iter().position(|row| row.contains(Some(&target))) else { return };
    let on_link = target.closest(STOPS).is_ok_and(|found| found.is_some());
    let places: Vec<Place> = rows.iter().map(place).collect();
    let Some((step, row)) = step(&event.key(), &places, at).zip(rows.get(at)) else { return };
    match step {
        Step::Focus(to) => {
            if let Some(next) = rows.get(to) {
                event.prevent_default();
                put_stop(&rows, to);
                _ = next.focus();
            }
        }
        // The link or disclosure that has the focus decides itself.
        Step::Open if on_link => {}
        Step::Turn => follow(event, row, "a.twist"),
        Step::Open => follow(event, row, "a.name"),
    }
    remember(rows.iter().find(|row| document().active_element().is_some_and(|active| row.contains(Some(&active)))), wanted);
}

pub(super) fn touched(event: &Event, wanted: Wanted) {
    // A link that is followed by itself takes no focus anywhere.
    if !event.is_trusted() {
        return;
    }
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let rows = rows();
    if let Some(at) = rows.iter().position(|row| row.contains(Some(&target))) {
        put_stop(&rows, at);
        remember(rows.get(at), wanted);
    }
}

fn remember(row: Option<&HtmlElement>, wanted: Wanted) {
    _ = wanted.row.try_set_value(row.and_then(|row| row.get_attribute("data-row")));
    _ = wanted.focused.try_set_value(row.is_some());
}

fn follow(event: &KeyboardEvent, row: &HtmlElement, link: &str) {
    if let Some(link) = row.query_selector(link).ok().flatten().and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        link.click();
    }
}

/// Only row `at`, and what can take the focus in it, are in the tab order.
fn put_stop(rows: &[HtmlElement], at: usize) {
    for (index, row) in rows.iter().enumerate() {
        row.set_tab_index(if index == at { 0 } else { -1 });
        for link in all(row, STOPS) {
            link.set_tab_index(if index == at { 0 } else { -1 });
        }
    }
}

fn place(row: &HtmlElement) -> Place {
    let level = row.get_attribute("aria-level").and_then(|text| text.parse().ok()).unwrap_or(1);
    // A row that cannot be turned over, because a filter decides what is shown, counts as a leaf for folding.
    let turns = row.query_selector("a.twist").is_ok_and(|found| found.is_some());
    let expanded = row.get_attribute("aria-expanded").filter(|_| turns).map(|text| text == "true");
    Place { level, expanded }
}

fn rows() -> Vec<HtmlElement> {
    document().body().map(|body| all(&body, ROWS)).unwrap_or_default()
}

fn all(within: &HtmlElement, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.item(index)).filter_map(|node| node.dyn_into().ok()).collect()
}

fn with_modifier(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key()
}
