//! Home.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn HomePage() -> impl IntoView {
    head("Home", ().into_any())
}
