//! The server's half: status, headers and cookies of the request that is being answered.

use axum::http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

use crate::theme::Theme;

/// Sets the status of the page that is being rendered.
pub(crate) fn set_page_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Sets the status of a call of a server function by script. A plain form is sent back to its page instead, and a page that is
/// being rendered decides for itself, so both are left alone.
pub(crate) fn set_call_status(status: u16) {
    let Some(parts) = use_context::<Parts>() else { return };
    let wants_page = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html"));
    if parts.uri.path().starts_with(crate::api::PREFIX) && !wants_page {
        set_page_status(status);
    }
}

/// Where a plain form goes when it was refused: to `path` instead of the page it came from. Calls by script are left alone.
pub(crate) fn send_back(path: &str) {
    let plain = use_context::<Parts>()
        .is_some_and(|parts| parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("text/html")));
    if plain {
        leptos_axum::redirect(path);
    }
}

/// Sets a header of the page that is being rendered; a value that is no header value is left out.
pub(crate) fn set_header(name: &'static str, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.insert_header(HeaderName::from_static(name), value);
    }
}

/// What the reader chose, as the cookie says.
pub(crate) fn theme() -> Theme {
    use_context::<Parts>().and_then(|parts| parts.headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).map(Theme::of_cookies)).unwrap_or_default()
}

/// The nonce that the inline scripts of this page carry.
pub(crate) fn nonce() -> Option<String> {
    leptos::nonce::use_nonce().map(|nonce| nonce.to_string())
}

/// Pages say their own.
pub(crate) fn title() -> String {
    String::new()
}

/// Text of a text area or of the title in the window: Leptos writes these as they are, so they are escaped here.
pub(crate) fn raw_text(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;")
}

/// The focus is the browser's.
pub(crate) fn focus(_id: &str) {}

/// Nothing floats above a page that is being rendered.
pub(crate) fn fold_menus() {}
