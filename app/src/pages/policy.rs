//! Policy.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn PolicyPage() -> impl IntoView {
    head("Policy", ().into_any())
}
