//! The server's half: rows are drawn with the first one in the tab order; their links work without script.

use leptos::ev::{Event, KeyboardEvent};

use super::Wanted;

pub(super) const fn listen() {}
pub(super) const fn drawn(_wanted: Wanted) {}
pub(super) const fn pressed(_event: &KeyboardEvent, _wanted: Wanted) {}
pub(super) const fn touched(_event: &Event, _wanted: Wanted) {}
