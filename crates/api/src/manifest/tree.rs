//! YAML (and JSON, which is YAML) as a tree that knows where everything stands and what was quoted.
//!
//! Bounded: depth, and the weight of the whole with aliases expanded. Duplicate keys, several documents and tags are
//! errors; aliases and merge keys (`<<`) work, as they do in a cluster.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::error::Problem;
use super::scalar::{Meaning, meaning};
use crate::path::{FieldPath, Step};
use crate::text::cut;

/// How deep a document may nest; a `GatewaySync` needs eleven levels.
const MAX_DEPTH: usize = 32;
/// What a document may weigh with its aliases expanded: bytes of text, and [`NODE_WEIGHT`] for every node.
const MAX_WEIGHT: usize = 8 << 20;
const NODE_WEIGHT: usize = 64;
/// The longest key; a path in a patch is the longest that makes sense.
const MAX_KEY: usize = 1024;
const MERGE_KEY: &str = "<<";

/// One value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub line: u32,
    pub column: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(Scalar),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub text: Box<str>,
    /// What it means by itself; quoted scalars are text.
    pub meaning: Meaning,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Box<str>,
    pub line: u32,
    pub column: u32,
    pub value: Node,
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| *entry.key == *key).map(|entry| &entry.value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(Scalar { meaning: Meaning::Null, .. }))
    }

    /// What it is, in words for a message.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Map(_) => "a map".to_owned(),
            Kind::Seq(_) => "a list".to_owned(),
            Kind::Scalar(Scalar { text, meaning }) => match meaning {
                Meaning::Null => "an empty value".to_owned(),
                Meaning::Bool(_) | Meaning::OldBool => format!("the boolean {text}"),
                Meaning::Integer(_) | Meaning::Number => format!("the number {}", shown(text)),
                Meaning::Text => format!("the text {:?}", shown(text)),
            },
        }
    }

    /// What it is, without its content.
    pub fn kind_of_value(&self) -> &'static str {
        match &self.kind {
            Kind::Map(_) => "a map",
            Kind::Seq(_) => "a list",
            Kind::Scalar(_) if self.is_null() => "an empty value",
            Kind::Scalar(_) => "a single value",
        }
    }

    pub fn problem(&self, path: FieldPath, words: String) -> Problem {
        Problem { place: Some((self.line, self.column)), path, words }
    }

    /// A problem at a path; where the path leads nowhere, at the nearest value above it.
    pub fn problem_at(&self, path: FieldPath, words: String) -> Problem {
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &node.kind) {
                (Step::Key(key), _) => node.get(key),
                (Step::Index(index), Kind::Seq(items)) => items.get(*index),
                (Step::Index(_), _) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.problem(path, words)
    }
}

/// Whether an event is part of the document. Comments are events as well where somebody else in the build (kube's YAML
/// reader, for one) turns that feature of the parser on; without it they have no name to match.
fn is_content(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Alias(..)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd
    )
}

/// A text short enough for a message.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    const MAX: usize = 80;
    if text.len() <= MAX { text.into() } else { format!("{}…", cut(text, MAX)).into() }
}

/// Reads the one document in `text`.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        path: FieldPath::default(),
        anchors: BTreeMap::new(),
        weight: 0,
    };
    let mut document: Option<Node> = None;
    loop {
        let (event, span) = composer.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            content => {
                let node = composer.node(content, span, 0)?;
                composer.anchors.clear();
                if document.is_none() {
                    document = Some(node).filter(|node| !node.is_null());
                } else if !node.is_null() {
                    let words = "a second document begins here; put each GatewaySync in a file of its own";
                    return Err(node.problem(FieldPath::default(), words.to_owned()));
                }
            }
        }
    }
    document.ok_or_else(|| Problem::of_file("is empty; it must hold one GatewaySync".to_owned()))
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    path: FieldPath,
    /// Finished nodes that have an anchor, for their aliases.
    anchors: BTreeMap<usize, Node>,
    weight: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            let next = self.any_event()?;
            if is_content(&next.0) {
                return Ok(next);
            }
        }
    }

    fn any_event(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            // `- **/.git/` is everybody's first pattern.
            Some(Err(error)) if *error.kind() == ErrorKind::UnknownAnchor => {
                Err(self.problem(error.marker(), "what begins with * must be in quotes".to_owned()))
            }
            Some(Err(error)) => Err(self.problem(error.marker(), format!("is not YAML: {}", error.info()))),
            None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 1, 0)))),
        }
    }

    fn problem(&self, mark: &Marker, words: String) -> Problem {
        Problem { place: Some(place(mark)), path: self.path.clone(), words }
    }

    /// Accounts for what was read or copied.
    fn weigh(&mut self, more: usize, mark: &Marker) -> Result<(), Problem> {
        self.weight = self.weight.saturating_add(more);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        Err(self.problem(mark, "the document is too large with its aliases expanded; write less".to_owned()))
    }

    /// The node that begins with `event`.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth >= MAX_DEPTH {
            return Err(self.problem(&span.start, format!("nests deeper than {MAX_DEPTH} levels")));
        }
        let (line, column) = place(&span.start);
        let (kind, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, &span),
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(NODE_WEIGHT + text.len(), &span.start)?;
                let quoted =
                    self.tag_makes_text(tag.as_deref(), "str", &span)? || style != ScalarStyle::Plain;
                let meaning = if quoted { Meaning::Text } else { meaning(&text) };
                (Kind::Scalar(Scalar { text: text.into(), meaning }), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag_makes_text(tag.as_deref(), "seq", &span)?;
                self.weigh(NODE_WEIGHT, &span.start)?;
                (Kind::Seq(self.items(depth)?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag_makes_text(tag.as_deref(), "map", &span)?;
                self.weigh(NODE_WEIGHT, &span.start)?;
                (Kind::Map(self.entries(depth)?), anchor)
            }
            _ => return Err(self.problem(&span.start, "is not YAML: a value is missing here".to_owned())),
        };
        let node = Node { line, column, kind };
        if anchor != 0 {
            self.weigh(weight_of(&node), &span.start)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.problem(&span.start, "the alias stands inside what it refers to".to_owned()));
        };
        let weight = weight_of(node);
        let copy = node.clone();
        self.weigh(weight, &span.start)?;
        Ok(copy)
    }

    /// Tags that say what the value is anyway are accepted: `!!str` (which makes text of a plain scalar), `!!map`, `!!seq`.
    fn tag_makes_text(&self, tag: Option<&Tag>, expected: &str, span: &Span) -> Result<bool, Problem> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.core_suffix() == Some(expected) => Ok(true),
            Some(tag) => {
                Err(self.problem(&span.start, format!("the tag {tag} means nothing here; remove it")))
            }
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(items);
            }
            self.path.push(Step::Index(items.len()));
            items.push(self.node(event, span, depth + 1)?);
            self.path.pop();
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut lines: BTreeMap<Box<str>, u32> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let (key, is_merge) = self.key(event, &span)?;
            let (line, column) = place(&span.start);
            self.path.push(Step::Key(key.clone()));
            if let Some(first) = lines.insert(key.clone(), line) {
                let words = format!("is given twice, first in line {first}; keep one of them");
                return Err(self.problem(&span.start, words));
            }
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            if is_merge {
                merged.extend(self.merge(value)?);
            } else {
                entries.push(Entry { key, line, column, value });
            }
            self.path.pop();
        }
        for entry in merged {
            if lines.insert(entry.key.clone(), entry.line).is_none() {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// A key's text, and whether it is YAML's merge key.
    fn key(&mut self, event: Event<'a>, span: &Span) -> Result<(Box<str>, bool), Problem> {
        let Event::Scalar(text, style, _, tag) = event else {
            let words = "a key must be plain text; a template such as {{ .GatewayName }} must be in quotes";
            return Err(self.problem(&span.start, words.to_owned()));
        };
        if text.len() > MAX_KEY {
            return Err(self.problem(&span.start, format!("a key is longer than {MAX_KEY} bytes")));
        }
        self.weigh(text.len(), &span.start)?;
        let quoted = self.tag_makes_text(tag.as_deref(), "str", span)? || style != ScalarStyle::Plain;
        if !quoted && matches!(meaning(&text), Meaning::Null | Meaning::Bool(_) | Meaning::OldBool) {
            let words = format!("the key {text} is not text to Kubernetes; put it in quotes: \"{text}\"");
            return Err(self.problem(&span.start, words));
        }
        let is_merge = !quoted && text == MERGE_KEY;
        Ok((text.into(), is_merge))
    }

    /// The entries that `<<` brings in: of a map, or of a list of maps of which the first one wins.
    fn merge(&self, value: Node) -> Result<Vec<Entry>, Problem> {
        let node_is_no_map = |node: &Node| {
            node.problem(self.path.clone(), format!("merges maps only, not {}", node.describe()))
        };
        match value.kind {
            Kind::Map(entries) => Ok(entries),
            Kind::Seq(items) => {
                let mut entries = Vec::new();
                for item in items {
                    match item.kind {
                        Kind::Map(more) => entries.extend(more),
                        _ => return Err(node_is_no_map(&item)),
                    }
                }
                Ok(entries)
            }
            Kind::Scalar(_) => Err(node_is_no_map(&value)),
        }
    }
}

fn weight_of(node: &Node) -> usize {
    NODE_WEIGHT
        + match &node.kind {
            Kind::Scalar(scalar) => scalar.text.len(),
            Kind::Seq(items) => items.iter().map(weight_of).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.key.len() + weight_of(&entry.value)).sum(),
        }
}

/// Line and column, both counted from 1.
fn place(mark: &Marker) -> (u32, u32) {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    (number(mark.line()), number(mark.col() + 1))
}
