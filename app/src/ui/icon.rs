//! Icons: strokes in the current colour, taken from one sprite at the end of the page.

use leptos::prelude::*;

/// The shapes that [`icon`] refers to. No styles, no scripts.
const SPRITE: &str = include_str!("sprite.svg");

/// One icon. It never stands alone: a word beside it says the same.
#[must_use]
pub fn icon(name: &'static str) -> AnyView {
    view! {
        <svg class="i" aria-hidden="true">
            <use href=format!("#i-{name}") />
        </svg>
    }
    .into_any()
}

/// An icon in the colour of a status.
#[must_use]
pub fn inked(name: &'static str, tone: &'static str) -> AnyView {
    view! {
        <svg class=format!("i ink {tone}") aria-hidden="true">
            <use href=format!("#i-{name}") />
        </svg>
    }
    .into_any()
}

/// The three firs.
#[must_use]
pub fn mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 18 18" aria-hidden="true">
            <path d="M9 1l3.6 5H5.4zM9 4.5l5 6.5H4zM9 9l6.8 7H2.2z" />
        </svg>
    }
    .into_any()
}

/// All shapes, once a page.
#[component]
pub fn Sprite() -> impl IntoView {
    view! { <svg class="sprite" aria-hidden="true" width="0" height="0" inner_html=SPRITE></svg> }
}

/// The sprite as text, for documents that are not made by the app.
pub(crate) const fn sprite() -> &'static str {
    SPRITE
}
