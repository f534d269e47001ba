//! Multi-document YAML with positions, bounded: depth, nodes and aliases cannot grow without end.
//!
//! Each document is read on its own, so that a bad one never loses the others. It knows nothing of Argo CD: the configuration is
//! read with it too.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

/// Deeper nesting than any manifest has.
const MAX_DEPTH: usize = 60;
/// Nodes of one document, those that aliases repeat included.
const MAX_NODES: usize = 100_000;

/// A place in a file, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One value, and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub at: Position,
    /// Where its key stands; the node's own place where it has none.
    pub key_at: Position,
    pub data: Data,
}

/// What a value is made of.
#[derive(Clone, Debug)]
pub enum Data {
    /// Any scalar as it is written. `plain`: without quotes.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Node)>),
}

/// What is wrong with one document.
#[derive(Clone, Debug)]
pub struct Bad {
    pub at: Position,
    pub sentence: String,
}

impl Node {
    /// The value of a key. The last wins where a key stands twice, as Argo CD reads it; `<<` is followed.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Data::Map(entries) = &self.data else { return None };
        let own = entries.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node);
        own.or_else(|| {
            let merged = entries.iter().find(|(name, _)| name == "<<").map(|(_, node)| node)?;
            match &merged.data {
                Data::List(nodes) => nodes.iter().find_map(|node| node.get(key)),
                _ => merged.get(key),
            }
        })
    }
    /// A scalar's text; nothing for null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text { text, plain } if !(*plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")) => Some(text),
            _ => None,
        }
    }
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Text { .. }) && self.text().is_none()
    }
    #[must_use]
    pub fn list(&self) -> &[Self] {
        match &self.data {
            Data::List(nodes) => nodes,
            _ => &[],
        }
    }
    #[must_use]
    pub fn map(&self) -> &[(String, Self)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }
}

/// Every document that can be read, and what is wrong with the others.
#[must_use]
pub fn documents(text: &str) -> (Vec<Node>, Vec<Bad>) {
    let (mut nodes, mut bad) = (Vec::new(), Vec::new());
    for (first_line, chunk) in chunks(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        if chunk.lines().all(|line| line.trim().is_empty() || line.starts_with(['#', '%'])) {
            continue;
        }
        if let Err(error) = (Reader { first_line, ..Reader::default() }).read(chunk, &mut nodes) {
            bad.push(error);
        }
    }
    (nodes, bad)
}

/// Cuts at the lines that start a document. YAML lets `---` at the start of a line mean nothing else, not even inside quotes.
fn chunks(text: &str) -> Vec<(u32, &str)> {
    let mut found = Vec::new();
    let (mut start, mut start_line, mut at, mut line_number) = (0, 0, 0, 0_u32);
    for line in text.split_inclusive('\n') {
        let begins = line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if begins && at > start {
            found.push((start_line, text.get(start..at).unwrap_or_default()));
            (start, start_line) = (at, line_number);
        }
        at = at.saturating_add(line.len());
        line_number = line_number.saturating_add(1);
    }
    found.push((start_line, text.get(start..).unwrap_or_default()));
    found
}

struct Frame {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, Position)>,
}

struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

#[derive(Default)]
struct Reader {
    first_line: u32,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
}

impl Reader {
    fn read(mut self, chunk: &str, documents: &mut Vec<Node>) -> Result<(), Bad> {
        let mut parser = Parser::new_from_str(chunk);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| self.scan_error(&error))?;
            let at = self.position(span.start.line(), span.start.col());
            match event {
                Event::Scalar(text, style, anchor, _) => {
                    let data = Data::Text { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) };
                    self.put(Node { at, key_at: at, data }, anchor, 1, documents)?;
                }
                Event::SequenceStart(anchor, _) => self.open(Node { at, key_at: at, data: Data::List(Vec::new()) }, anchor)?,
                Event::MappingStart(anchor, _) => self.open(Node { at, key_at: at, data: Data::Map(Vec::new()) }, anchor)?,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(frame) = self.stack.pop() {
                        self.put(frame.node, frame.anchor, 1, documents)?;
                    }
                }
                Event::Alias(id) => {
                    let Some(anchored) = self.anchors.get(&id) else {
                        return Err(Bad { at, sentence: "This alias refers to itself, or to nothing.".into() });
                    };
                    if self.stack.len().saturating_add(anchored.height) > MAX_DEPTH {
                        return Err(too_deep(at));
                    }
                    let (node, nodes) = (anchored.node.clone(), anchored.nodes);
                    self.put(node, 0, nodes, documents)?;
                }
                Event::DocumentEnd => self.anchors.clear(),
                _ => {}
            }
        }
        Ok(())
    }
    fn position(&self, line: usize, column: usize) -> Position {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Position { line: self.first_line.saturating_add(number(line)), column: number(column).saturating_add(1) }
    }
    fn scan_error(&self, error: &ScanError) -> Bad {
        let at = self.position(error.marker().line(), error.marker().col());
        Bad { at, sentence: format!("This is not YAML: {}.", error.info().trim_end_matches('.')) }
    }
    fn open(&mut self, node: Node, anchor: usize) -> Result<(), Bad> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(node.at));
        }
        self.stack.push(Frame { node, anchor, key: None });
        Ok(())
    }
    /// Hands a finished node to what it stands in.
    fn put(&mut self, node: Node, anchor: usize, nodes: usize, documents: &mut Vec<Node>) -> Result<(), Bad> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Bad { at: node.at, sentence: format!("This document grows to more than {MAX_NODES} values. Use fewer aliases, or split it.") });
        }
        if anchor > 0 {
            let (nodes, height) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        let Some(frame) = self.stack.last_mut() else {
            documents.push(node);
            return Ok(());
        };
        match (&mut frame.node.data, frame.key.take()) {
            (Data::List(nodes), _) => nodes.push(node),
            (Data::Map(entries), Some((key, key_at))) => entries.push((key, Node { key_at, ..node })),
            (Data::Map(_), None) => match node.data {
                Data::Text { text, .. } => frame.key = Some((text, node.at)),
                _ => return Err(Bad { at: node.at, sentence: "A key must be text; this one is a list or a map. Put quotes around it.".into() }),
            },
            (Data::Text { .. }, _) => {}
        }
        Ok(())
    }
}

fn too_deep(at: Position) -> Bad {
    Bad { at, sentence: format!("This document is nested more than {MAX_DEPTH} levels deep. Make it flatter.") }
}

/// How many nodes, and how many levels. Recursion ends, because what it measures is at most [`MAX_DEPTH`] deep.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.data {
        Data::Text { .. } => Vec::new(),
        Data::List(nodes) => nodes.iter().collect(),
        Data::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
    };
    let (mut nodes, mut height) = (1_usize, 0_usize);
    for child in children {
        let (below, deep) = measure(child);
        nodes = nodes.saturating_add(below);
        height = height.max(deep);
    }
    (nodes, height.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_document_does_not_lose_its_neighbours() {
        let (nodes, bad) = documents("%YAML 1.2\n---\na: 1\n---\nb: [1\nc: }\n--- # third\nd: '2'\n...\n---\n");
        let keys: Vec<&str> = nodes.iter().filter_map(|node| node.map().first()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "d"]);
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].at.line, 6, "{bad:?}");
        assert_eq!(nodes[1].map()[0].1.at, Position { line: 8, column: 4 });
        assert_eq!(nodes[1].map()[0].1.key_at, Position { line: 8, column: 1 });
    }

    #[test]
    fn aliases_are_followed_but_not_without_end() {
        let (nodes, bad) = documents("a: &x {k: v}\nb: *x\nc: {<<: *x, own: 1}\n");
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(nodes[0].get("b").and_then(|b| b.get("k")).and_then(Node::text), Some("v"));
        assert_eq!(nodes[0].get("c").and_then(|c| c.get("k")).and_then(Node::text), Some("v"));

        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = level - 1;
            bomb += &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}]\n");
        }
        let (nodes, bad) = documents(&bomb);
        assert!(nodes.is_empty());
        assert!(bad[0].sentence.contains("grows to more than"), "{bad:?}");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_can_hurt() {
        let (nodes, bad) = documents(&"[".repeat(100_000));
        assert!(nodes.is_empty());
        assert!(!bad.is_empty());
        let (nodes, bad) = documents(&format!("{}x", "- ".repeat(5_000)));
        assert!(nodes.is_empty());
        assert!(bad[0].sentence.contains("levels deep"), "{bad:?}");
    }

    #[test]
    fn null_is_no_text() {
        let (nodes, _) = documents("a: null\nb: 'null'\nc:\nd: 007\n");
        let text = |key: &str| nodes[0].get(key).and_then(Node::text);
        assert_eq!((text("a"), text("b"), text("c"), text("d")), (None, Some("null"), None, Some("007")));
    }
}
