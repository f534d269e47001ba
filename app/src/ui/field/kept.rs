//! A property that is not set over what somebody has entered, unless the portal has another value for it.
//!
//! The form is there before the script is. Hydration sets every property, and so does each later rendering, also to what stands there
//! already; a field that was filled in meanwhile would lose it. This one is set when its value changes: it follows the address.

use leptos::{
    tachys::{
        html::property::IntoProperty,
        renderer::{Rndr, types::Element},
    },
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{HtmlInputElement, HtmlOptionElement},
};

/// The value of `prop:value` of an input, or of `prop:selected` of an option.
#[derive(Clone, Debug)]
pub(super) struct Kept<T>(pub(super) T);

/// Whether it differs from what the server wrote.
fn is_entered(element: &Element) -> bool {
    if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
        return input.value() != input.default_value();
    }
    // Our lists always have one option that the server wrote as chosen.
    element.dyn_ref::<HtmlOptionElement>().is_some_and(|option| option.selected() != option.default_selected())
}

impl<T: Into<JsValue> + Clone + Send + 'static> IntoProperty for Kept<T> {
    /// The element, and what the portal set last.
    type State = (Element, JsValue);
    type Cloneable = Self;
    type CloneableOwned = Self;

    fn hydrate<const FROM_SERVER: bool>(self, element: &Element, key: &str) -> Self::State {
        if FROM_SERVER && is_entered(element) { (element.clone(), self.0.into()) } else { self.build(element, key) }
    }

    fn build(self, element: &Element, key: &str) -> Self::State {
        let value = self.0.into();
        Rndr::set_property_or_value(element, key, &value);
        (element.clone(), value)
    }

    fn rebuild(self, (element, last): &mut Self::State, key: &str) {
        let value = self.0.into();
        if value != *last {
            Rndr::set_property_or_value(element, key, &value);
            *last = value;
        }
    }

    fn into_cloneable(self) -> Self::Cloneable {
        self
    }

    fn into_cloneable_owned(self) -> Self::CloneableOwned {
        self
    }
}
