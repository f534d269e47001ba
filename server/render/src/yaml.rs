//! YAML that people read: comments, short things on one line, the same bytes every time.
//!
//! Whatever a text holds, it can be nothing but that text, and a comment nothing but a comment: neither a quote nor any character that
//! a YAML reader takes for the end of a line gets out.

use std::fmt::Write as _;

use serde_json::Value;

/// What fits is written on one line of at most so many characters.
const WIDTH: usize = 140;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    Text(String),
    Whole(u64),
    Flag(bool),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    comments: Vec<String>,
    value: Yaml,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    comments: Vec<String>,
    key: String,
    value: Yaml,
}

pub(crate) fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Yaml)>) -> Yaml {
    Yaml::Map(entries.into_iter().map(|(key, value)| Entry { comments: Vec::new(), key: key.into(), value }).collect())
}

pub(crate) fn list(values: impl IntoIterator<Item = Yaml>) -> Yaml {
    told_list(values.into_iter().map(|value| (Vec::new(), value)))
}

/// Each value with the comments above it.
pub(crate) fn told_list(values: impl IntoIterator<Item = (Vec<String>, Yaml)>) -> Yaml {
    Yaml::List(values.into_iter().map(|(comments, value)| Item { comments, value }).collect())
}

pub(crate) fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Yaml {
    list(values.into_iter().map(text))
}

impl Yaml {
    /// A map with one more entry, or the value itself when it is no map.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: Yaml) -> Self {
        if let Self::Map(entries) = &mut self {
            entries.push(Entry { comments: Vec::new(), key: key.to_owned(), value });
        }
        self
    }
    /// A map with the entries of another one behind its own.
    #[must_use]
    pub(crate) fn followed_by(mut self, other: Yaml) -> Self {
        if let (Self::Map(entries), Self::Map(more)) = (&mut self, other) {
            entries.extend(more);
        }
        self
    }
    /// The same without comments.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Whole(number) => Value::from(*number),
            Self::Flag(flag) => Value::from(*flag),
            Self::List(items) => items.iter().map(|item| item.value.value()).collect(),
            Self::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.value())).collect(),
        }
    }
    /// As a document, which ends with a new line.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        self.block(&mut out, 0, "");
        out
    }

    /// The lines of a value. The first begins with `lead`, which stands where its indentation ends.
    fn block(&self, out: &mut String, indent: usize, lead: &str) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (index, entry) in entries.iter().enumerate() {
                    let lead = if index == 0 { lead } else { "" };
                    comments(out, indent, &entry.comments);
                    begin(out, indent, lead);
                    let _ = write!(out, "{}:", scalar(&entry.key));
                    entry.value.after_key(out, indent, entry.key.len());
                }
            }
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    comments(out, indent, &item.comments);
                    match (item.value.line(indent + 2), &item.value) {
                        (None, Self::Map(_)) => item.value.block(out, indent + 2, "- "),
                        (line, value) => {
                            begin(out, indent, "");
                            let _ = writeln!(out, "- {}", line.unwrap_or_else(|| value.one_line()));
                        }
                    }
                }
            }
            other => {
                begin(out, indent, lead);
                let _ = writeln!(out, "{}", other.one_line());
            }
        }
    }
    fn after_key(&self, out: &mut String, indent: usize, key: usize) {
        if let Self::Text(text) = self
            && is_literal(text)
        {
            out.push_str(" |-\n");
            for line in text.lines() {
                begin(out, indent + 2, "");
                let _ = writeln!(out, "{line}");
            }
            return;
        }
        match self.line(indent + key + 2) {
            Some(line) => {
                let _ = writeln!(out, " {line}");
            }
            None => {
                out.push('\n');
                self.block(out, indent + 2, "");
            }
        }
    }
    /// On one line, if it fits and nothing in it has a comment.
    fn line(&self, before: usize) -> Option<String> {
        if matches!(self, Self::List(_) | Self::Map(_)) && !self.is_plain() {
            return None;
        }
        let line = self.one_line();
        let fits = before + line.chars().count() <= WIDTH || !matches!(self, Self::List(_) | Self::Map(_));
        fits.then_some(line)
    }
    fn is_plain(&self) -> bool {
        match self {
            Self::Text(text) => !is_literal(text),
            Self::Whole(_) | Self::Flag(_) => true,
            Self::List(items) => items.iter().all(|item| item.comments.is_empty() && item.value.is_plain()),
            Self::Map(entries) => entries.iter().all(|entry| entry.comments.is_empty() && entry.value.is_plain()),
        }
    }
    fn one_line(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Whole(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(|item| item.value.one_line()).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let entries: Vec<String> = entries.iter().map(|entry| format!("{}: {}", scalar(&entry.key), entry.value.one_line())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// Lines of comments, each with its `# ` in front.
pub(crate) fn comments(out: &mut String, indent: usize, comments: &[String]) {
    for comment in comments {
        begin(out, indent, "");
        let _ = writeln!(out, "# {}", visible(comment));
    }
}

fn begin(out: &mut String, indent: usize, lead: &str) {
    let spaces = indent.saturating_sub(lead.len());
    out.extend(std::iter::repeat_n(' ', spaces));
    out.push_str(lead);
}

/// Texts of ours with several lines (expressions), which a block shows as they are.
fn is_literal(text: &str) -> bool {
    let good_line = |line: &str| !line.is_empty() && !line.starts_with(' ') && line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    text.contains('\n') && text.split('\n').all(good_line)
}

/// Plain where nobody could take it for anything but this text, in double quotes elsewhere.
fn scalar(text: &str) -> String {
    if is_plain_text(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            ' '..='~' => quoted.push(c),
            _ if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Words that some reader of YAML takes for something else.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

fn is_plain_text(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) && text.bytes().all(inner) && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A comment that ends where its line ends, for every reader, and that shows all that it holds.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() || "“”–…→".contains(c) {
            shown.push(c);
        } else {
            let _ = write!(shown, "{}", c.escape_unicode());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_things_stand_on_one_line_and_long_ones_on_many() {
        let rule = |verb: &str| map([("apiGroups", texts(["k6.io"])), ("verbs", texts([verb]))]);
        let told = map([
            ("kind", text("Role")),
            ("rules", told_list([(vec!["To start.".to_owned()], rule("create")), (vec!["To see.".to_owned()], rule("impersonate-on:serviceaccount:get"))])),
            ("empty", map::<&str>([])),
            ("count", Yaml::Whole(3)),
            ("expression", text("a &&\nb: c")),
        ]);
        let expected = "kind: Role\nrules:\n  # To start.\n  - { apiGroups: [k6.io], verbs: [create] }\n  # To see.\n  \
                        - { apiGroups: [k6.io], verbs: [\"impersonate-on:serviceaccount:get\"] }\nempty: {}\ncount: 3\nexpression: |-\n  a &&\n  b: c\n";
        assert_eq!(told.document(), expected);
    }

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        for word in ["", "true", "No", "on", "1", "1e3", "0x1", "~", "-", "a b", "a: b", "#a", "*", "&a", "!a", "a#", "null", "2026-01-01", "[a]"] {
            assert!(scalar(word).starts_with('"'), "{word}");
        }
        for word in ["shop-dev", "k6.io", "app.kubernetes.io/managed-by", "Always"] {
            assert_eq!(scalar(word), word);
        }
    }

    /// Three characters that only some readers take for the end of a line.
    #[test]
    fn a_comment_cannot_end_early() {
        let mut out = String::new();
        comments(&mut out, 0, &["a\u{2028}b\u{85}c\nd\u{202e}".to_owned()]);
        assert_eq!(out, "# a\\u{2028}b\\u{85}c\\u{a}d\\u{202e}\n");
    }

    proptest! {
        /// Whatever stands in keys, texts and comments: a reader gets back what was said.
        #[test]
        fn it_reads_back(keys in prop::collection::btree_set(any::<String>(), 1..4), values in prop::collection::vec(any::<String>(), 1..4), comment in any::<String>()) {
            let values = told_list(values.into_iter().map(|value| (vec![comment.clone()], text(value))));
            let told = map(keys.into_iter().map(|key| (key, list([map([("inner", values.clone())])]))));
            let read: Value = serde_saphyr::from_str(&told.document()).unwrap();
            prop_assert_eq!(read, told.value(), "{}", told.document());
        }
    }
}
