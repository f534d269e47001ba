//! The bones of a page: head, sections, notices, empty states.

use leptos::prelude::*;
use leptos_meta::Title;
use windfirm_model::path::AppPath;

use super::{icon::icon, status::Tone, text::rich};
use crate::href;

/// The title in the window and nothing else.
#[must_use]
pub fn window_title(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <Title text=text /> }.into_any()
}

/// The simplest head: a title and what stands at its end.
#[must_use]
pub fn head(title: &'static str, end: AnyView) -> AnyView {
    view! { {window_title(title)} <header class="head"><h1>{title}</h1>{end}</header> }.into_any()
}

/// The way from the root to an app. The last name is where we are; each one before is a link into the tree.
#[must_use]
pub fn crumbs(path: &AppPath) -> AnyView {
    let mut at = AppPath::root();
    let mut items = vec![view! { <li class="root"><a href="/tree">"/"</a></li> }.into_any()];
    let depth = path.depth();
    for (index, name) in path.names().enumerate() {
        let Ok(next) = at.child(name) else { break };
        at = next;
        let name = name.to_owned();
        items.push(if index + 1 == depth {
            view! { <li><span aria-current="location">{name}</span></li> }.into_any()
        } else {
            view! { <li><a href=href::app(&at)>{name}</a></li> }.into_any()
        });
    }
    view! { <nav class="crumbs" aria-label="Path"><ol>{items}</ol></nav> }.into_any()
}

/// A section with a head on a rule. `id` names it; `meta` is a quiet remark, `end` stands at the far side.
#[must_use]
pub fn section(id: &'static str, title: impl Into<String>, meta: impl Into<String>, end: AnyView, content: AnyView) -> AnyView {
    let meta: String = meta.into();
    view! {
        <section class="sec" aria-labelledby=id>
            <div class="sec-head">
                <h2 id=id>{title.into()}</h2>
                {(!meta.is_empty()).then(|| view! { <span class="meta">{meta}</span> })}
                {end}
            </div>
            {content}
        </section>
    }
    .into_any()
}

/// A link at the end of a section's head.
#[must_use]
pub fn head_link(href: String, text: &'static str) -> AnyView {
    view! { <span class="end"><a href=href>{text}</a></span> }.into_any()
}

/// A state of the page, not of a run: partial data, a refusal, a success.
#[must_use]
pub fn notice(tone: Tone, word: &'static str, sentence: &str) -> AnyView {
    view! {
        <div class=format!("notice {}", tone.class()) role=if tone == Tone::Fail { "alert" } else { "status" }>
            {super::status::status(tone, word)} <span class="grow">{rich(sentence)}</span>
        </div>
    }
    .into_any()
}

/// Nothing here: what was looked for, why there is nothing, the next step.
#[must_use]
pub fn empty(title: &'static str, why: &str, next: AnyView) -> AnyView {
    view! { <div class="empty"><h2>{title}</h2><p class="soft">{rich(why)}</p>{next}</div> }.into_any()
}

/// Nothing in a section of a page, where a whole empty state would be too much.
#[must_use]
pub fn nothing(sentence: &str) -> AnyView {
    view! { <p class="note">{rich(sentence)}</p> }.into_any()
}

/// A button that is a link.
#[must_use]
pub fn button(href: String, text: &'static str) -> AnyView {
    view! { <a class="btn" href=href>{text}</a> }.into_any()
}

/// The main action: it starts something. `name` is for readers who do not see what it stands beside.
#[must_use]
pub fn run_button(href: String, small: bool, name: &str) -> AnyView {
    let class = if small { "btn sm" } else { "btn go" };
    view! {
        <a class=class href=href>
            {icon("play")} <span class="lbl">"Run"</span> <span class="vh">{format!(" {name}")}</span>
        </a>
    }
    .into_any()
}

/// A wide table in a region of its own that can be scrolled by keyboard.
#[must_use]
pub fn scroll(label: &str, table: AnyView) -> AnyView {
    view! { <div class="scroll" role="region" tabindex="0" aria-label=format!("{label}, table")>{table}</div> }.into_any()
}
