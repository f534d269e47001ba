//! Name and groups, out of verified claims.
//!
//! Groups that are missing, of a wrong type or too many to be sent are *unknown*: never “no groups”, never a default role.

use serde_json::{Map, Value};
use windfirm_model::actor::Groups;

use crate::error::quoted;

/// More groups than this are refused: a policy decision has to look at each.
const MAX_GROUPS: usize = 1_000;
/// The longest name of a group, in bytes.
const MAX_GROUP_BYTES: usize = 255;
/// The longest name of a person, in characters.
const MAX_NAME_CHARS: usize = 120;

/// The value at a path such as `groups` or `resource_access.windfirm.roles`. The whole text is tried as one name first, because
/// some providers demand claim names that are URLs.
pub(crate) fn at_path<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut names = path.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name))
}

/// Whether the provider says that there are groups which it did not send (Microsoft Entra above 200 groups).
pub(crate) fn has_overage(claims: &Map<String, Value>, path: &str) -> bool {
    let names_it = claims.get("_claim_names").and_then(Value::as_object).is_some_and(|names| names.contains_key(path) || names.contains_key("groups"));
    let says_so = claims.get("hasgroups").is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"));
    names_it || says_so
}

/// The groups, or a sentence why they are unknown.
pub(crate) fn groups(claims: &Map<String, Value>, path: &str) -> Groups {
    // First, because some providers send an empty or cut list beside it. Its address is never followed: the provider chose it.
    if has_overage(claims, path) {
        return Groups::Unknown(
            "You are in more groups than the identity provider sends in one answer, so yours are not known here and grant nothing. Ask for a smaller set of groups for Windfirm."
                .to_owned(),
        );
    }
    let Some(value) = at_path(claims, path) else {
        return Groups::Unknown(format!(
            "The identity provider sent no “{path}” claim, so your groups are not known here and grant nothing. Ask whoever runs it to send that claim."
        ));
    };
    let Some(names) = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()) else {
        return Groups::Unknown(format!(
            "The “{path}” claim of the identity provider is not a list of names, so your groups are not known here and grant nothing. Ask whoever runs it to mend that claim."
        ));
    };
    if names.len() > MAX_GROUPS {
        return Groups::Unknown(format!(
            "The identity provider sent {} groups; Windfirm reads at most {MAX_GROUPS}, so yours grant nothing. Ask for a smaller set of groups for Windfirm.",
            names.len()
        ));
    }
    if names.iter().any(|name| name.is_empty() || name.len() > MAX_GROUP_BYTES || name.chars().any(char::is_control)) {
        return Groups::Unknown(
            "One of your groups has a name that is empty, too long or not printable, so your groups are not known here and grant nothing. Ask whoever runs the identity provider."
                .to_owned(),
        );
    }
    let mut known: Vec<String> = names.into_iter().map(str::to_owned).collect();
    known.sort_unstable();
    known.dedup();
    Groups::Known(known)
}

/// A name for people: the configured claim, else the usual ones, else the subject. Never used to decide anything.
pub(crate) fn display_name(claims: &Map<String, Value>, path: &str, subject: &str) -> String {
    let usable = |value: &Value| value.as_str().map(|text| quoted(text).chars().take(MAX_NAME_CHARS).collect::<String>()).filter(|text| !text.is_empty());
    [path, "name", "preferred_username"].iter().find_map(|path| at_path(claims, path).and_then(usable)).unwrap_or_else(|| quoted(subject))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: Value, path: &str) -> Groups {
        groups(claims.as_object().unwrap(), path)
    }

    #[test]
    fn a_list_of_names_is_known_wherever_it_stands() {
        let known = Groups::Known(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(of(json!({"groups": ["b", "a", "b"]}), "groups"), known);
        assert_eq!(of(json!({"resource_access": {"windfirm": {"roles": ["a", "b"]}}}), "resource_access.windfirm.roles"), known);
        assert_eq!(of(json!({"https://x.example/groups": ["a", "b"]}), "https://x.example/groups"), known);
        assert_eq!(of(json!({"groups": []}), "groups"), Groups::Known(Vec::new()), "an empty list is an answer");
    }

    #[test]
    fn everything_else_is_unknown_and_grants_nothing() {
        let many: Vec<String> = (0..5_000).map(|n| format!("g{n}")).collect();
        for (claims, path, word) in [
            (json!({}), "groups", "sent no"),
            (json!({"groups": "platform"}), "groups", "not a list"),
            (json!({"groups": {"platform": true}}), "groups", "not a list"),
            (json!({"groups": [["platform"]]}), "groups", "not a list"),
            (json!({"groups": ["a", 1]}), "groups", "not a list"),
            (json!({"groups": null}), "groups", "not a list"),
            (json!({"groups": many}), "groups", "5000"),
            (json!({"groups": ["a\u{0}"]}), "groups", "not printable"),
            (json!({"groups": [""]}), "groups", "empty"),
            (json!({"groups": ["x".repeat(300)]}), "groups", "too long"),
            (json!({"a": {"b": "c"}}), "a.b.c", "sent no"),
            (json!({"groups": ["a"], "hasgroups": true}), "groups", "more groups"),
            (
                json!({"groups": [], "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "http://169.254.169.254/"}}}),
                "groups",
                "more groups",
            ),
        ] {
            let answer = of(claims.clone(), path);
            assert!(matches!(&answer, Groups::Unknown(why) if why.contains(word)), "{claims} -> {answer:?}");
            assert!(answer.known().is_empty());
        }
    }

    #[test]
    fn there_is_always_a_name() {
        let name = |claims: Value| display_name(claims.as_object().unwrap(), "name", "s-1");
        assert_eq!(name(json!({"name": "Ana Ruiz"})), "Ana Ruiz");
        assert_eq!(name(json!({"preferred_username": "ana"})), "ana");
        assert_eq!(name(json!({"name": " \u{202e} "})), "s-1");
        assert_eq!(name(json!({"name": 7})), "s-1");
    }
}
