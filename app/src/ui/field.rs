//! Fields of GET forms, whose values are the query string, and answers that keep the form when one of them is wrong.
//!
//! Each field sets the attribute and the property: the first is what the server sends, the second follows the address when somebody
//! has typed into the field and then goes back or clears the filters.

mod kept;

use std::{collections::BTreeMap, sync::Arc};

use leptos::{prelude::*, web_sys::FormData};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};
use windfirm_model::fault::Fault;

use self::kept::Kept;
use crate::{api::ApiError, ui::text::rich};

/// A sentence for each field that cannot be taken; the empty name is for the whole form.
pub type FieldErrors = BTreeMap<String, String>;

/// What a page with a form gets: its data, or what is wrong with the query, beside the query itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answered<Q, T> {
    Page(Box<T>),
    Refused { query: Q, fields: FieldErrors },
}

impl<Q, T> Answered<Q, T> {
    /// Takes what is wrong with single fields out of the faults, so that the form can say it in place. Every other fault stays one.
    ///
    /// # Errors
    /// Every fault but [`Fault::Invalid`].
    pub fn of(query: Q, answer: Result<T, ApiError>) -> Result<Self, ApiError> {
        match answer {
            Ok(page) => Ok(Self::Page(Box::new(page))),
            Err(ApiError::Portal { fault: Fault::Invalid { fields } }) => Ok(Self::Refused { query, fields }),
            Err(error) => Err(error),
        }
    }
}

/// A value of the query string; what is empty is absent.
#[must_use]
pub fn given(query: &ParamsMap, name: &str) -> Option<String> {
    query.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What a GET form does with its data before they become an address: only what is filled in stays. This also takes away what
/// `leptos_router` adds for a button without a name.
#[must_use]
pub fn filled_in() -> Arc<dyn Fn(&FormData)> {
    Arc::new(|data| {
        let names: Vec<String> = data.keys().into_iter().flatten().filter_map(|name| name.as_string()).collect();
        for name in names {
            if data.get(&name).as_string().is_some_and(|value| value.trim().is_empty()) {
                data.delete(&name);
            }
        }
    })
}

/// A field for text or a day.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextField<'a> {
    pub id: &'static str,
    /// Its name in the query string.
    pub name: &'static str,
    pub label: &'static str,
    pub value: Option<&'a str>,
    pub placeholder: &'static str,
    /// Takes the room that is left.
    pub wide: bool,
    /// Holds what a machine would read.
    pub mono: bool,
    /// Takes a day.
    pub day: bool,
}

impl TextField<'_> {
    #[must_use]
    pub fn view(self, errors: &FieldErrors) -> AnyView {
        let value = self.value.unwrap_or_default().to_owned();
        let wrong = errors.get(self.name);
        let note = format!("{}-note", self.id);
        view! {
            <div class=if self.wide { "field wide" } else { "field" }>
                <label for=self.id>{self.label}</label>
                <input
                    class=if self.mono { "input mono" } else { "input" }
                    id=self.id
                    name=self.name
                    type=if self.day { "date" } else { "text" }
                    value=value.clone()
                    prop:value=Kept(value)
                    placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                    spellcheck="false"
                    autocomplete="off"
                    aria-invalid=wrong.map(|_| "true")
                    aria-describedby=wrong.map(|_| note.clone())
                />
                {wrong.map(|sentence| error_note(note.clone(), sentence))}
            </div>
        }
        .into_any()
    }
}

/// A choice from a closed list; the first entry is “any” or its like and has the empty value.
#[must_use]
pub fn select_field(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    first: &'static str,
    options: Vec<(String, String)>,
    chosen: Option<&str>,
    errors: &FieldErrors,
) -> AnyView {
    let wrong = errors.get(name);
    let note = format!("{id}-note");
    let chosen = chosen.unwrap_or_default();
    let options = std::iter::once((String::new(), first.to_owned()))
        .chain(options)
        .map(|(value, word)| {
            let on = value == chosen;
            view! { <option value=value selected=on prop:selected=Kept(on)>{word}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select class="input" id=id name=name autocomplete="off" aria-invalid=wrong.map(|_| "true") aria-describedby=wrong.map(|_| note.clone())>
                {options}
            </select>
            {wrong.map(|sentence| error_note(note.clone(), sentence))}
        </div>
    }
    .into_any()
}

fn error_note(id: String, sentence: &str) -> AnyView {
    view! { <span class="hint ink fail" id=id>{rich(sentence)}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wrong_fields_keep_the_form() {
        let wrong = Answered::<_, ()>::of("q", Err(Fault::field("path", "No.").into())).unwrap();
        assert_eq!(wrong, Answered::Refused { query: "q", fields: BTreeMap::from([("path".to_owned(), "No.".to_owned())]) });
        assert_eq!(Answered::<_, ()>::of("q", Err(Fault::NotFound.into())), Err(Fault::NotFound.into()));
        assert_eq!(Answered::of("q", Ok(1)), Ok(Answered::Page(Box::new(1))));
    }
}
