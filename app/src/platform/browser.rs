//! The browser's half: there is no status to set, and the theme stands on the root element.

use crate::theme::Theme;

pub(crate) fn set_page_status(_status: u16) {}
pub(crate) fn set_call_status(_status: u16) {}
pub(crate) fn set_header(_name: &'static str, _value: &str) {}

/// What the server wrote on the root element.
pub(crate) fn theme() -> Theme {
    leptos::prelude::document().document_element().and_then(|root| root.get_attribute("data-theme")).and_then(|word| Theme::parse(&word)).unwrap_or_default()
}

pub(crate) fn nonce() -> Option<String> {
    None
}
