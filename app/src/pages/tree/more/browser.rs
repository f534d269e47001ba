//! The browser's half: follows the link when it comes into view.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{HtmlElement, IntersectionObserver, IntersectionObserverEntry};

const LINK: &str = "a[data-more=by-itself]";

/// What watches, kept as long as the rows.
struct Watch {
    observer: IntersectionObserver,
    _told: Closure<dyn FnMut(js_sys::Array)>,
}

pub(super) fn drawn() {
    let watch = StoredValue::new_local(None::<Watch>);
    Effect::new(move |_| {
        request_animation_frame(move || {
            if let Some(made) = link().and_then(|link| see(&link)) {
                _ = watch.try_set_value(Some(made));
            }
        });
    });
    on_cleanup(move || {
        if let Some(watch) = watch.try_update_value(Option::take).flatten() {
            watch.observer.disconnect();
        }
    });
}

fn link() -> Option<HtmlElement> {
    document().query_selector(LINK).ok().flatten()?.dyn_into().ok()
}

fn see(link: &HtmlElement) -> Option<Watch> {
    // The state before is of no use to anybody: the same rows, fewer of them.
    _ = js_sys::Reflect::set(link, &JsValue::from_str("replace"), &JsValue::TRUE);
    let followed = link.clone();
    let told = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
        let seen = entries.iter().filter_map(|entry| entry.dyn_into::<IntersectionObserverEntry>().ok()).any(|entry| entry.is_intersecting());
        if seen {
            followed.click();
        }
    });
    let observer = IntersectionObserver::new(told.as_ref().unchecked_ref()).ok()?;
    observer.observe(link);
    Some(Watch { observer, _told: told })
}
