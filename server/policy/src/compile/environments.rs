//! The section `environments`: rules in order, the last of which takes every app that is left.
//!
//! Several rules may give the same environment.

use windfirm_model::environment::Environment;

use crate::{
    compile::{
        MAX_ENTRIES, known,
        reader::{At, Reader},
    },
    error::Problem,
    pattern::Pattern,
    policy::EnvironmentRule,
};

pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Vec<EnvironmentRule> {
    let items = reader.full_list(at, "environment rules", MAX_ENTRIES, "Every app needs an environment.").unwrap_or_default();
    let mut rules: Vec<EnvironmentRule> = Vec::new();
    let mut catch_all: Option<(String, usize)> = None;
    let mut whole = true;
    for item in &items {
        if let Some((by, line)) = &catch_all {
            reader.problem(item, Problem::NeverReached { by: by.clone(), line: *line });
        }
        match rule(reader, item) {
            Some(rule) => {
                if catch_all.is_none() && rule.matches_all() {
                    catch_all = Some((rule.name.to_string(), item.node.at.line));
                }
                rules.push(rule);
            }
            None => whole = false,
        }
    }
    // With a broken rule nobody can say whether it was meant to be the one.
    if whole
        && catch_all.is_none()
        && let Some(last) = items.last()
    {
        reader.problem(last, Problem::NoCatchAll);
    }
    rules
}

fn rule(reader: &mut Reader, item: &At<'_>) -> Option<EnvironmentRule> {
    let fields = reader.fields(item.clone(), &["name", "match"])?;
    let name = fields.require(reader, "name").and_then(|at| environment_name(reader, &at));
    let conditions = fields.require(reader, "match").and_then(|at| reader.fields(at, &["cluster", "namespace", "app", "path"]))?;
    let mut good = true;
    let mut pattern = |reader: &mut Reader, key: &str| {
        let at = conditions.get(key)?;
        let text = reader.text(&at).filter(|text| !text.is_empty());
        if text.is_none() {
            good = false;
            if reader_has_text(&at) {
                reader.problem(&at, Problem::BadName { name: String::new(), why: "it is empty and would match nothing; “*” matches everything" });
            }
        }
        text.map(Pattern::new)
    };
    let (cluster, namespace, app) = (pattern(reader, "cluster"), pattern(reader, "namespace"), pattern(reader, "app"));
    let path = match conditions.get("path") {
        Some(at) => {
            let parsed = reader.text(&at).map(str::parse);
            if let Some(Err(error)) = &parsed {
                reader.problem(&at, Problem::BadPath(Clone::clone(error)));
            }
            let path = parsed.and_then(Result::ok);
            good &= path.is_some();
            path
        }
        None => None,
    };
    name.filter(|_| good).map(|name| EnvironmentRule { name, cluster, namespace, app, path })
}

/// Short, because it stands in tables and in SQL rows: lower-case letters, digits and “-”.
fn environment_name(reader: &mut Reader, at: &At<'_>) -> Option<Environment> {
    let name = reader.name(at)?;
    if name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Some(Environment::from(name));
    }
    reader.problem(at, Problem::BadName { name: name.to_owned(), why: "environments are at most 40 lower-case letters, digits and “-”" });
    None
}

const fn reader_has_text(at: &At<'_>) -> bool {
    matches!(at.node.value, crate::compile::node::Value::Scalar { kind: crate::compile::node::ScalarKind::Text, .. })
}

/// The field `in` of grants and guardrails. `None`: all environments.
pub(super) fn named(reader: &mut Reader, at: Option<At<'_>>, rules: &[EnvironmentRule]) -> Option<Vec<Environment>> {
    let at = at?;
    let items = reader.full_list(&at, "environments", MAX_ENTRIES, "Name environments, or leave “in” out for all of them.").unwrap_or_default();
    let mut names: Vec<Environment> = Vec::new();
    for item in items {
        let Some(text) = reader.text(&item) else { continue };
        let name = Environment::from(text);
        if text.contains('*') {
            reader.problem(&item, Problem::Wildcard { text: text.to_owned(), what: "environments", hint: "Leave “in” out for all of them" });
        } else if names.contains(&name) {
            reader.problem(&item, Problem::Repeated { value: text.to_owned() });
        } else if rules.iter().any(|rule| rule.name == name) {
            names.push(name);
        } else {
            let mut all: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
            all.dedup();
            reader.problem(&item, Problem::UnknownEnvironment { name: text.to_owned(), known: known(all.into_iter()) });
        }
    }
    Some(names)
}
