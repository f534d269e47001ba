//! The section `environments`: rules in order, the last of which takes every app that is left.
//!
//! Several rules may give the same environment.

use windfirm_model::{environment::Environment, path::AppPath};

use crate::{
    compile::{
        MAX_ENTRIES, identities, known,
        reader::{At, Reader},
    },
    error::Problem,
    pattern::Pattern,
    policy::EnvironmentRule,
};

/// The rules, and whether all of them could be read: only then can a name be called unknown.
#[derive(Debug, Default)]
pub(super) struct Environments {
    pub(super) rules: Vec<EnvironmentRule>,
    pub(super) whole: bool,
}

pub(super) fn read(reader: &mut Reader, at: &At<'_>) -> Environments {
    let items = reader.full_list(at, "environment rules", MAX_ENTRIES, "Every app needs an environment.").unwrap_or_default();
    let mut rules: Vec<EnvironmentRule> = Vec::new();
    let mut catch_all: Option<(String, usize)> = None;
    let mut whole = !items.is_empty();
    for item in &items {
        if let Some((by, line)) = &catch_all {
            reader.problem(item, Problem::NeverReached { by: by.clone(), line: *line });
        }
        match rule(reader, item) {
            Some(rule) => {
                identities::refuse_contradiction(reader, item, &rules, &rule);
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
    Environments { rules, whole }
}

fn rule(reader: &mut Reader, item: &At<'_>) -> Option<EnvironmentRule> {
    let fields = reader.fields(item.clone(), &["name", "match", "service_account_annotations"])?;
    let name = fields.require(reader, "name").and_then(|at| environment_name(reader, &at));
    let conditions = fields.require(reader, "match").and_then(|at| reader.fields(at, &["cluster", "namespace", "app", "path"]))?;
    let cluster = pattern(reader, conditions.get("cluster"));
    let namespace = pattern(reader, conditions.get("namespace"));
    let app = pattern(reader, conditions.get("app"));
    let path = path(reader, conditions.get("path"));
    let annotations = identities::read(reader, fields.get("service_account_annotations"));
    Some(EnvironmentRule { name: name?, cluster: cluster?, namespace: namespace?, app: app?, path: path?, annotations: annotations? })
}

/// `None`: broken, and told; `Some(None)`: not there, so it does not matter.
fn pattern(reader: &mut Reader, at: Option<At<'_>>) -> Option<Option<Pattern>> {
    let Some(at) = at else { return Some(None) };
    let text = reader.text(&at)?;
    if text.is_empty() {
        reader.problem(&at, Problem::BadName { name: String::new(), why: "it is empty and would match nothing; “*” matches everything" });
        return None;
    }
    Some(Some(Pattern::new(text)))
}

/// Like [`pattern`].
fn path(reader: &mut Reader, at: Option<At<'_>>) -> Option<Option<AppPath>> {
    let Some(at) = at else { return Some(None) };
    match reader.text(&at)?.parse() {
        Ok(path) => Some(Some(path)),
        Err(error) => {
            reader.problem(&at, Problem::BadPath(error));
            None
        }
    }
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

/// The field `in` of grants and guardrails. `None`: all environments.
pub(super) fn named(reader: &mut Reader, at: Option<At<'_>>, known_ones: &Environments) -> Option<Vec<Environment>> {
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
        } else {
            let mut all: Vec<&str> = Vec::new();
            for rule in &known_ones.rules {
                if !all.contains(&rule.name.as_str()) {
                    all.push(rule.name.as_str());
                }
            }
            if known_ones.whole && !all.contains(&text) {
                reader.problem(&item, Problem::UnknownEnvironment { name: text.to_owned(), known: known(all.into_iter()) });
            }
            names.push(name);
        }
    }
    Some(names)
}
