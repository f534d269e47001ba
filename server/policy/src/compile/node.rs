//! YAML as a tree of nodes that know where they stand.
//!
//! Reads events without recursion and stops at bounds, so that no file, however made, costs more than its own size: nesting is
//! bounded, and anchors, aliases, tags and second documents are refused instead of expanded.

use std::collections::HashMap;

use saphyr::{Scalar, ScalarStyle, ScanError};
use saphyr_parser::{Event, Parser, Span};

use crate::error::{Position, Problem};

/// How deep a policy may nest. The deepest thing it knows, `grants[0].to[0].group`, needs five.
pub(crate) const MAX_DEPTH: usize = 12;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// The text as it stands there, and whether YAML takes it for a text, a number…
    Scalar {
        text: String,
        kind: ScalarKind,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) node: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Text,
    Whole,
    Other,
    Null,
}

impl Node {
    /// For “this is …, but must be …”.
    pub(crate) const fn what(&self) -> &'static str {
        match &self.value {
            Value::Scalar { kind: ScalarKind::Text, .. } => "a text",
            Value::Scalar { kind: ScalarKind::Whole, .. } => "a whole number",
            Value::Scalar { kind: ScalarKind::Other, .. } => "a number or a yes/no value",
            Value::Scalar { kind: ScalarKind::Null, .. } => "empty",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping of names to values",
        }
    }
}

/// A list or mapping that is still open.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, lines: HashMap<String, usize>, key: Option<(String, Position)>, skipping: bool },
}

/// The one document of `text`. Errors carry their place; after a syntax error nothing further is read.
pub(crate) fn load(text: &str, mut report: impl FnMut(Position, &str, Problem)) -> Option<Node> {
    let mut loader = Loader { open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => loader.step(event, span, &mut report),
            Err(error) => {
                report(position_of(&error), &loader.field(), Problem::Syntax(error.info().to_owned()));
                Step::Stop
            }
        };
        if matches!(step, Step::Stop) {
            return None;
        }
    }
    if loader.root.is_none() {
        report(Position { line: 1, column: 1 }, "", Problem::Empty);
    }
    loader.root
}

enum Step {
    On,
    Stop,
}

struct Loader {
    open: Vec<(Position, Open)>,
    root: Option<Node>,
    documents: usize,
}

impl Loader {
    fn step(&mut self, event: Event<'_>, span: Span, report: &mut impl FnMut(Position, &str, Problem)) -> Step {
        let at = Position { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    report(at, "", Problem::SecondDocument);
                    return Step::Stop;
                }
            }
            Event::Alias(_) => {
                report(at, &self.field(), Problem::Anchor);
                // A value keeps the shape whole, so that the rest can still be read.
                self.close(Node { at, value: Value::Scalar { text: String::new(), kind: ScalarKind::Null } }, report);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref(), report);
                let kind = kind_of(&text, style);
                self.close(Node { at, value: Value::Scalar { text: text.into_owned(), kind } }, report);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref(), report);
                return self.deepen(at, Open::List(Vec::new()), report);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.as_deref(), report);
                return self.deepen(at, Open::Map { entries: Vec::new(), lines: HashMap::new(), key: None, skipping: false }, report);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((at, open)) = self.open.pop() {
                    let value = match open {
                        Open::List(nodes) => Value::List(nodes),
                        Open::Map { entries, .. } => Value::Map(entries),
                    };
                    self.close(Node { at, value }, report);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Step::On
    }

    fn deepen(&mut self, at: Position, open: Open, report: &mut impl FnMut(Position, &str, Problem)) -> Step {
        if self.open.len() >= MAX_DEPTH {
            report(at, &self.field(), Problem::TooDeep { limit: MAX_DEPTH });
            return Step::Stop;
        }
        self.open.push((at, open));
        Step::On
    }

    /// Puts a whole node where it belongs: into the open list, as key or value of the open mapping, or as the document.
    fn close(&mut self, node: Node, report: &mut impl FnMut(Position, &str, Problem)) {
        if let Some((at, problem)) = self.put(node) {
            report(at, &self.field(), problem);
        }
    }

    fn put(&mut self, node: Node) -> Option<(Position, Problem)> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((_, Open::List(nodes))) => nodes.push(node),
            Some((_, Open::Map { entries, lines, key, skipping })) => {
                if *skipping {
                    *skipping = false;
                } else if let Some((key, at)) = key.take() {
                    if let Some(first_line) = lines.get(&key).copied() {
                        return Some((at, Problem::DuplicateKey { key, first_line }));
                    } else {
                        lines.insert(key.clone(), at.line);
                        entries.push(Entry { key, at, node });
                    }
                } else if let Value::Scalar { text, kind: ScalarKind::Text | ScalarKind::Whole } = node.value {
                    *key = Some((text, node.at));
                } else {
                    *skipping = true;
                    return Some((node.at, Problem::KeyNotText));
                }
            }
        }
        None
    }

    /// The path of the field that is being read.
    fn field(&self) -> String {
        let mut field = String::new();
        for (_, open) in &self.open {
            match open {
                Open::List(nodes) => field.push_str(&format!("[{}]", nodes.len())),
                Open::Map { key: Some((key, _)), .. } => {
                    if !field.is_empty() {
                        field.push('.');
                    }
                    field.push_str(key);
                }
                Open::Map { key: None, .. } => {}
            }
        }
        field
    }

    fn refuse_marks(&self, at: Position, anchor: usize, tag: Option<&saphyr::Tag>, report: &mut impl FnMut(Position, &str, Problem)) {
        if anchor != 0 {
            report(at, &self.field(), Problem::Anchor);
        }
        if let Some(tag) = tag {
            report(at, &self.field(), Problem::Tag(tag.to_string()));
        }
    }
}

fn kind_of(text: &str, style: ScalarStyle) -> ScalarKind {
    if !matches!(style, ScalarStyle::Plain) {
        return ScalarKind::Text;
    }
    match Scalar::parse_from_cow(text.into()) {
        Scalar::String(_) => ScalarKind::Text,
        Scalar::Integer(_) => ScalarKind::Whole,
        Scalar::Null => ScalarKind::Null,
        Scalar::Boolean(_) | Scalar::FloatingPoint(_) => ScalarKind::Other,
    }
}

fn position_of(error: &ScanError) -> Position {
    Position { line: error.marker().line(), column: error.marker().col() + 1 }
}
