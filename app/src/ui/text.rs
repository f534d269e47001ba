//! Sentences: the why line, and the little markup that the words of the domain carry.

use leptos::prelude::*;

use super::icon::icon;

/// A sentence of the domain as a view: what stands in back quotes (or in “typographic quotes” around one word that a machine would
/// read) is set in mono.
#[must_use]
pub fn rich(text: &str) -> AnyView {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| {
            let part = part.to_owned();
            if index % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect_view()
        .into_any()
}

/// The why line: three dots, then one sentence that names what decided. `tone` is a status class, or empty.
#[must_use]
pub fn why(tone: &'static str, sentence: &str) -> AnyView {
    why_with(tone, rich(sentence))
}

/// The why line around a view of its own, for sentences with links.
#[must_use]
pub fn why_with(tone: &'static str, content: AnyView) -> AnyView {
    view! {
        <p class=format!("why {tone}").trim_end().to_owned()>{icon("why")} <span>{content}</span></p>
    }
    .into_any()
}
