//! Takes typed values out of nodes and collects what is wrong with them, with the path of the field.
//!
//! Knows the forms of values (name, path, duration…), not what the sections of a policy mean.

use std::collections::HashMap;

use windfirm_model::path::AppPath;

use crate::{
    compile::node::{Node, ScalarKind, Value},
    error::{PolicyError, Position, Problem},
};

/// More errors than this help nobody.
const MAX_ERRORS: usize = 200;

/// The errors so far.
#[derive(Debug)]
pub(crate) struct Reader {
    file: String,
    pub(crate) errors: Vec<PolicyError>,
}

/// A node with the path of the field that it stands in.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) field: String,
}

/// A mapping whose keys are all known.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    at: At<'a>,
    entries: HashMap<&'a str, &'a Node>,
}

impl<'a> At<'a> {
    pub(crate) const fn root(node: &'a Node) -> Self {
        Self { node, field: String::new() }
    }
    fn child(&self, key: &str, node: &'a Node) -> Self {
        let field = if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) };
        Self { node, field }
    }
    fn item(&self, index: usize, node: &'a Node) -> Self {
        Self { node, field: format!("{}[{index}]", self.field) }
    }
}

impl<'a> Fields<'a> {
    pub(crate) const fn at(&self) -> &At<'a> {
        &self.at
    }
    pub(crate) fn get(&self, key: &str) -> Option<At<'a>> {
        self.entries.get(key).map(|node| self.at.child(key, node))
    }
    pub(crate) fn require(&self, reader: &mut Reader, key: &'static str) -> Option<At<'a>> {
        let found = self.get(key);
        if found.is_none() {
            reader.problem(&self.at, Problem::Missing { key });
        }
        found
    }
}

impl Reader {
    pub(crate) const fn new(file: String) -> Self {
        Self { file, errors: Vec::new() }
    }
    pub(crate) fn report(&mut self, at: Position, field: &str, problem: Problem) {
        let problem = match self.errors.len() {
            0..MAX_ERRORS => problem,
            MAX_ERRORS => Problem::MoreErrors { limit: MAX_ERRORS },
            _ => return,
        };
        self.errors.push(PolicyError { file: self.file.clone(), at, field: field.to_owned(), problem });
    }
    pub(crate) fn problem(&mut self, at: &At<'_>, problem: Problem) {
        self.report(at.node.at, &at.field, problem);
    }
    fn wrong_type(&mut self, at: &At<'_>, expected: &'static str, hint: &'static str) {
        self.problem(at, Problem::WrongType { expected, found: at.node.what(), hint });
    }

    /// A mapping with these keys only.
    pub(crate) fn fields<'a>(&mut self, at: At<'a>, known: &[&str]) -> Option<Fields<'a>> {
        let Value::Map(entries) = &at.node.value else {
            self.wrong_type(&at, "a mapping of names to values", "Write it as “key: value” lines.");
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.report(entry.at, &at.child(&entry.key, &entry.node).field, Problem::UnknownKey { key: entry.key.clone(), known: known.join(", ") });
        }
        let entries = entries.iter().map(|entry| (entry.key.as_str(), &entry.node)).collect();
        Some(Fields { at, entries })
    }
    /// A mapping whose keys are names: of each the position of the name, the name, and the value.
    pub(crate) fn named<'a>(&mut self, at: &At<'a>, what: &'static str, limit: usize) -> Vec<(Position, &'a str, At<'a>)> {
        let Value::Map(entries) = &at.node.value else {
            self.wrong_type(at, "a mapping of names to values", "Write it as “name: { … }” lines.");
            return Vec::new();
        };
        if entries.len() > limit {
            self.problem(at, Problem::TooMany { what, count: entries.len(), limit });
            return Vec::new();
        }
        entries.iter().map(|entry| (entry.at, entry.key.as_str(), at.child(&entry.key, &entry.node))).collect()
    }
    pub(crate) fn is_empty_map(&self, at: &At<'_>) -> bool {
        matches!(&at.node.value, Value::Map(entries) if entries.is_empty())
    }
    pub(crate) fn list<'a>(&mut self, at: &At<'a>, what: &'static str, limit: usize) -> Option<Vec<At<'a>>> {
        let Value::List(nodes) = &at.node.value else {
            self.wrong_type(at, "a list", "Write “[ one, two ]”, or a line with “- ” for each.");
            return None;
        };
        if nodes.len() > limit {
            self.problem(at, Problem::TooMany { what, count: nodes.len(), limit });
            return None;
        }
        Some(nodes.iter().enumerate().map(|(index, node)| at.item(index, node)).collect())
    }
    /// A list that must say something.
    pub(crate) fn full_list<'a>(&mut self, at: &At<'a>, what: &'static str, limit: usize, hint: &'static str) -> Option<Vec<At<'a>>> {
        let items = self.list(at, what, limit)?;
        if items.is_empty() {
            self.problem(at, Problem::EmptyList { hint });
            return None;
        }
        Some(items)
    }
    pub(crate) fn text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        match &at.node.value {
            Value::Scalar { text, kind: ScalarKind::Text } => Some(text),
            _ => {
                self.wrong_type(at, "a text", "Put it in quotes if it is meant as one.");
                None
            }
        }
    }
    /// A name that people read: 1 to 100 visible characters.
    pub(crate) fn name<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        let text = self.text(at)?;
        self.check_name(at.node.at, &at.field, text).then_some(text)
    }
    pub(crate) fn check_name(&mut self, at: Position, field: &str, text: &str) -> bool {
        let why = if text.trim().is_empty() {
            "it is empty"
        } else if text.trim() != text {
            "it begins or ends with a space"
        } else if text.chars().count() > 100 {
            "it has more than 100 characters"
        } else if text.chars().any(char::is_control) {
            "it holds a control character"
        } else if text.contains('*') {
            "it holds a “*”, which looks like a wildcard; there are no wildcards for names"
        } else {
            return true;
        };
        self.report(at, field, Problem::BadName { name: text.to_owned(), why });
        false
    }
    /// The places that a rule is on.
    pub(crate) fn paths(&mut self, at: &At<'_>) -> Vec<(Position, AppPath, String)> {
        let items = self.full_list(at, "paths", MAX_PATHS, "Name at least one path; “/” is the whole forest.").unwrap_or_default();
        let mut paths: Vec<(Position, AppPath, String)> = Vec::new();
        for item in items {
            let Some(text) = self.text(&item) else { continue };
            if text.contains('*') {
                self.problem(&item, Problem::Wildcard { text: text.to_owned(), what: "paths", hint: "A path holds for everything below it" });
                continue;
            }
            match text.parse::<AppPath>() {
                Ok(path) if paths.iter().any(|(_, seen, _)| *seen == path) => self.problem(&item, Problem::Repeated { value: text.to_owned() }),
                Ok(path) => paths.push((item.node.at, path, item.field)),
                Err(error) => self.problem(&item, Problem::BadPath(error)),
            }
        }
        paths
    }
    pub(crate) fn whole_number(&mut self, at: &At<'_>, least: u32, most: u32) -> Option<u32> {
        let Value::Scalar { text, kind: ScalarKind::Whole } = &at.node.value else {
            self.wrong_type(at, "a whole number", "Write digits only, without quotes.");
            return None;
        };
        let number = text.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.problem(at, Problem::OutOfRange { found: text.clone(), least, most });
        }
        number
    }
    /// Seconds.
    pub(crate) fn duration(&mut self, at: &At<'_>) -> Option<u32> {
        let text = match &at.node.value {
            Value::Scalar { text, kind: ScalarKind::Text | ScalarKind::Whole | ScalarKind::Other } => text,
            _ => {
                self.wrong_type(at, "a duration", "Write a number with its unit, such as 10m.");
                return None;
            }
        };
        let seconds = duration_s(text);
        if seconds.is_none() {
            self.problem(at, Problem::BadDuration(text.clone()));
        }
        seconds
    }
}

/// The most paths that one rule may name.
const MAX_PATHS: usize = 50;

/// `1h30m`, `10m`, `90s`: whole numbers with falling units; at least one second.
fn duration_s(text: &str) -> Option<u32> {
    let mut total = 0_u32;
    let mut rest = text;
    for (unit, unit_s) in [('h', 3_600_u32), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(unit_s)?)?;
        rest = after;
    }
    (rest.is_empty() && total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_in_falling_order() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h", 3_600), ("1h30m", 5_400), ("1h0m5s", 3_605)] {
            assert_eq!(duration_s(text), Some(seconds), "{text}");
        }
        for text in ["", "10", "m", "0s", "5m1h", "-5m", "1.5h", "10 m", "10m ", "99999999h", "1d", "10ms"] {
            assert_eq!(duration_s(text), None, "{text}");
        }
    }
}
