//! Audit.

use leptos::prelude::*;

use crate::ui::layout::head;

#[component]
pub fn AuditPage() -> impl IntoView {
    head("Audit", ().into_any())
}
