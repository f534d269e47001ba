//! Access.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn AccessPage() -> impl IntoView {
    head("Access", ().into_any())
}
