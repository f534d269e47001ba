//! A page around one answer of the portal: loading, the answer, or why there is none.

use leptos::prelude::*;

use crate::{
    api::ApiError,
    pages::status::{Place, fault_page},
};

/// Shows `view` of the answer as soon as it is there. Until then: the title at once and grey rows at the final height. A fault
/// becomes a whole page with the status that says the same.
pub fn loaded<T, F>(title: &'static str, resource: Resource<Result<T, ApiError>>, view: F) -> AnyView
where
    T: Clone + Send + Sync + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=move || loading(title)>
            {move || {
                let view = view.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(answer) => view(answer),
                        Err(error) => fault_page(error.into_fault(), Place::Page(title)),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

fn loading(title: &'static str) -> AnyView {
    let rows = (0..6).map(|_| view! { <tr><td><span class="bone"></span></td><td><span class="bone s"></span></td><td><span class="bone s"></span></td></tr> });
    view! {
        <header class="head"><h1>{title}</h1></header>
        <div aria-busy="true">
            <p class="vh" role="status">"Loading"</p>
            <table class="dense" aria-hidden="true"><tbody>{rows.collect_view()}</tbody></table>
        </div>
    }
    .into_any()
}
