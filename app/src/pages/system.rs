//! System.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn SystemPage() -> impl IntoView {
    head("System", ().into_any())
}
