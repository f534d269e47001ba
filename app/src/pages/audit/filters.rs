//! The filters of the audit log: a GET form that offers what the log can be asked.

use leptos::prelude::*;
use leptos_router::components::Form;
use windfirm_model::{
    audit::{EventCode, EventOutcome},
    view::audit::AuditQuery,
};

use super::is_filtered;
use crate::ui::field::{FieldErrors, TextField, filled_in, select_field};

/// The names of the fields, as in the query string.
pub(super) const NAMES: [&str; 6] = ["path", "actor", "event", "outcome", "from", "to"];

/// Every code that is known, for a form without a page.
pub(super) fn all_codes() -> Vec<(String, String)> {
    EventCode::ALL.iter().map(|code| (code.code().to_owned(), code.sentence().to_owned())).collect()
}

pub(super) fn filters(query: &AuditQuery, codes: &[(String, String)], errors: &FieldErrors) -> AnyView {
    let path = TextField {
        id: "a-path",
        name: "path",
        label: "Path",
        value: query.path.as_deref(),
        placeholder: "/shop/",
        wide: true,
        mono: true,
        ..TextField::default()
    };
    let actor =
        TextField { id: "a-actor", name: "actor", label: "Actor", value: query.actor.as_deref(), placeholder: "part of a name", ..TextField::default() };
    let day = |id, name, label, value| TextField { id, name, label, value, day: true, ..TextField::default() };
    let outcomes = EventOutcome::ALL.into_iter().map(|outcome| (outcome.word().to_owned(), outcome.word().to_owned())).collect();
    let clear = (is_filtered(query) || !errors.is_empty()).then(|| view! { <a class="btn bare" href="/audit">"Clear"</a> });
    // Put together before the form: its children are a closure and may not borrow.
    let fields = view! {
        {path.view(errors)}
        {actor.view(errors)}
        {select_field("a-event", "event", "Event", "any", events(codes), query.event.as_deref(), errors)}
        {select_field("a-outcome", "outcome", "Outcome", "any", outcomes, query.outcome.as_deref(), errors)}
        {day("a-from", "from", "From", query.from.as_deref()).view(errors)}
        {day("a-to", "to", "To", query.to.as_deref()).view(errors)}
    };
    view! {
        <Form method="GET" action="/audit" on_form_data=filled_in() attr:class="filters" attr:role="search" attr:aria-label="Filter events">
            {fields} <button class="btn" type="submit">"Apply"</button> {clear}
        </Form>
    }
    .into_any()
}

/// Families with more than one code first, then each code.
fn events(codes: &[(String, String)]) -> Vec<(String, String)> {
    let family = |code: &str| code.split('.').next().unwrap_or_default().to_owned();
    let mut families: Vec<String> = Vec::new();
    for (code, _) in codes {
        let name = family(code);
        let several = codes.iter().filter(|(other, _)| family(other) == name).count() > 1;
        if several && !families.contains(&name) {
            families.push(name);
        }
    }
    let wild = families.into_iter().map(|name| (format!("{name}.*"), format!("{name}.* (all of them)")));
    wild.chain(codes.iter().map(|(code, _)| (code.clone(), code.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_stand_first_and_once() {
        let codes = ["run.launch", "tree.load", "run.stop"].map(|code| (code.to_owned(), String::new()));
        let values: Vec<String> = events(&codes).into_iter().map(|(value, _)| value).collect();
        assert_eq!(values, ["run.*", "run.launch", "tree.load", "run.stop"]);
    }
}
