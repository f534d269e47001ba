//! The side bar: the places of the menu that exist for this person, their live runs, and who they are.

use leptos::prelude::*;

#[component]
pub fn SideBar() -> impl IntoView {
    view! { <header class="side"></header> }
}
