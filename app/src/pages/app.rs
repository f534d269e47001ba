//! App.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn AppPage() -> impl IntoView {
    head("App", ().into_any())
}
