//! The browser half: mounts the app onto the page that the server rendered.

use windfirm_app::App;

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_lazy(App);
}
