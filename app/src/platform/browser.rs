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

/// The title that the server wrote.
pub(crate) fn title() -> String {
    leptos::prelude::document().title()
}

/// Text of an element that the server writes as it is: the browser sets it as text.
pub(crate) fn raw_text(value: &str) -> String {
    value.to_owned()
}

/// Moves the focus to the element with this id.
pub(crate) fn focus(id: &str) {
    use wasm_bindgen::JsCast;

    let element = leptos::prelude::document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(element) = element {
        let _ = element.focus();
    }
}

/// Closes what floats above the page: the menu of narrow screens and the person's menu. Does nothing where neither is open.
pub(crate) fn fold_menus() {
    use wasm_bindgen::JsCast;

    let page = leptos::prelude::document();
    if let Some(menu) = page.get_element_by_id("nav").and_then(|menu| menu.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = menu.hide_popover();
    }
    if let Ok(Some(who)) = page.query_selector("details.who") {
        let _ = who.remove_attribute("open");
    }
}
