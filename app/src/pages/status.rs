//! Whole pages for what cannot be shown: 401, 403, 404, 409, 422, 500, 503. Each sets the HTTP status that says the same.

use leptos::prelude::*;
use windfirm_model::fault::Fault;

use crate::{
    platform,
    ui::{layout::window_title, text::why},
};

/// Where the fault happened, for the words.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A page of this name could not be shown.
    Page(&'static str),
    /// There is no such page.
    Address,
}

/// What the router shows for an address that no page has.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    fault_page(Fault::NotFound, Place::Address)
}

/// The page that says why there is no other.
#[must_use]
pub fn fault_page(fault: Fault, place: Place) -> AnyView {
    platform::set_page_status(fault.status());
    let code = fault.status();
    let name = match place {
        Place::Page(name) => name,
        Place::Address => "this page",
    };
    let (title, sentence) = match &fault {
        Fault::NotLoggedIn => ("You are not logged in".to_owned(), view! { <p class="soft">{fault.to_string()}</p> }.into_any()),
        Fault::NotFound => (
            "Nothing here that you can see".to_owned(),
            view! {
                <p class="soft">
                    "There is no app, run or page at this address for you. It may have moved, it may be spelled differently, or it may not be yours to see. The answer is the same in all three cases."
                </p>
                <p class="note">"If somebody sent you this link, ask them which group it needs."</p>
            }
            .into_any(),
        ),
        Fault::Forbidden { why: reason } => (format!("You may not open {}", lower(name)), why("locked", reason)),
        Fault::Invalid { .. } => ("This address asks for something that does not exist".to_owned(), view! { <p class="soft">{fault.to_string()}</p> }.into_any()),
        Fault::Conflict { .. } => ("Something has moved on".to_owned(), view! { <p class="soft">{fault.to_string()}</p> }.into_any()),
        Fault::Unavailable { .. } => (format!("{name} cannot be shown right now"), view! { <p class="soft">{fault.to_string()}</p> }.into_any()),
        Fault::Internal { .. } => ("Something went wrong on our side".to_owned(), view! { <p class="soft">{fault.to_string()}</p> }.into_any()),
    };
    let first = match &fault {
        Fault::NotLoggedIn => view! { <a class="btn go" href="/login" rel="external">"Log in"</a> }.into_any(),
        Fault::Unavailable { .. } | Fault::Internal { .. } | Fault::Conflict { .. } => {
            view! { <a class="btn go" href="" rel="external">"Try again"</a> }.into_any()
        }
        Fault::Forbidden { .. } => view! { <a class="btn" href="/access">"What I may do"</a> }.into_any(),
        Fault::NotFound | Fault::Invalid { .. } => view! { <a class="btn" href="/tree">"Open your tree"</a> }.into_any(),
    };
    view! {
        {window_title(title.clone())}
        <div class="status-page flow">
            <p class="code-num">{code.to_string()}</p>
            <h1>{title}</h1>
            {sentence}
            <p class="acts">{first} <a class="btn bare" href="/">"Home"</a></p>
        </div>
    }
    .into_any()
}

fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
