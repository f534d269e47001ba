//! Tree.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn TreePage() -> impl IntoView {
    head("Tree", ().into_any())
}
