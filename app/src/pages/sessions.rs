//! Sessions.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn SessionsPage() -> impl IntoView {
    head("Sessions", ().into_any())
}
