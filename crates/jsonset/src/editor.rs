//! Sets one path in a stream of valid JSON, byte by byte as sjson would.
//!
//! An editor reads the document in pieces, writes it in pieces, and holds nothing but one key. It runs twice. The first
//! run only looks: it learns what can be known at the end but matters at the beginning ([`Findings`]). The second writes.

use crate::error::Error;
use crate::path::Key;
use crate::skip::Skip;
use crate::value::push_string;

/// How many `null`s one array may be filled up with: more than any list that people keep by hand, and little memory.
const MAX_PADDING: i64 = 65_536;

/// A path and what it is set to.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    pub(crate) path: Box<str>,
    pub(crate) keys: Vec<Key>,
    pub(crate) value: Box<str>,
}

/// What the first run learns for the second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Findings {
    /// The top-level value itself gets a key or an element: sjson then drops the white space around it.
    pub(crate) trims_document: bool,
    /// The key of the path whose array is too short: sjson then writes it anew without white space.
    pub(crate) compacts: Option<usize>,
    /// Whether any byte differs.
    pub(crate) changes: bool,
}

/// Where in the document the editor stands.
#[derive(Debug, Clone, Copy)]
enum At {
    /// Before a value in which the next key is to be looked up.
    Container,
    /// In an object, before a key or the end.
    Member,
    /// In a key.
    Key,
    /// Between a key and its colon.
    Colon { found: bool },
    /// Between a colon and the value.
    MemberValue { found: bool },
    /// In an array, before an element or the end.
    Element,
    /// In a value that stays.
    Kept(Skip),
    /// In a value that was replaced.
    Replaced(Skip),
    /// After the edit; all that follows is copied.
    Done,
    /// After an edit that drops what follows.
    Ended,
}

pub(crate) struct Editor<'p> {
    patch: &'p Patch,
    findings: Findings,
    at: At,
    /// Which key is looked up.
    level: usize,
    in_object: bool,
    /// Members or elements begun in the container at hand.
    count: i64,
    key: KeyReader,
    /// How much of the replaced value is equal to the new one so far; `None` when they differ.
    equal: Option<usize>,
}

impl<'p> Editor<'p> {
    /// An editor for one run; the findings are those of the first run, or none.
    pub(crate) fn new(patch: &'p Patch, findings: Findings) -> Self {
        Self {
            patch,
            findings,
            at: At::Container,
            level: 0,
            in_object: false,
            count: 0,
            key: KeyReader::default(),
            equal: None,
        }
    }

    /// What was learned; complete once the whole document was fed.
    pub(crate) fn findings(&self) -> Findings {
        self.findings
    }

    /// Whether the rest of the document passes unchanged, so that the editor need not see it.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.at, At::Done)
    }

    /// Reads on, and appends to `output` what the document becomes.
    pub(crate) fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        while let Some(&byte) = input.first() {
            let taken = match self.at {
                At::Done => {
                    output.extend_from_slice(input);
                    return Ok(());
                }
                At::Ended => return Ok(()),
                At::Kept(skip) => self.keep(skip, input, output),
                At::Replaced(skip) => self.drop_replaced(skip, input),
                At::Key => self.read_key(input, output),
                _ if byte <= b' ' => {
                    if !self.drops_space() {
                        output.push(byte);
                    }
                    1
                }
                At::Container => self.enter(byte, output)?,
                At::Member => self.member(byte, output)?,
                At::Colon { found } => {
                    self.at = At::MemberValue { found };
                    output.push(byte);
                    1
                }
                At::MemberValue { found } => self.value(byte, found, output),
                At::Element => self.element(byte, output)?,
            };
            input = &input[taken..];
        }
        Ok(())
    }

    fn drops_space(&self) -> bool {
        match self.at {
            At::Container => self.level == 0 && self.findings.trims_document,
            At::Element => self.findings.compacts == Some(self.level),
            _ => false,
        }
    }

    fn wanted(&self) -> &'p Key {
        &self.patch.keys[self.level]
    }

    /// Looks at the first byte of a value that the path leads into.
    fn enter(&mut self, byte: u8, output: &mut Vec<u8>) -> Result<usize, Error> {
        self.count = 0;
        self.in_object = byte == b'{';
        match byte {
            b'{' => self.at = At::Member,
            b'[' => self.at = At::Element,
            _ => {
                // A plain value gives way to what the rest of the path makes.
                let made = build(&self.patch.keys[self.level..], &self.patch.value);
                output.extend_from_slice(made.map_err(|index| self.too_far(index, 0))?.as_bytes());
                self.findings.changes = true;
                self.findings.trims_document |= self.level == 0;
                self.equal = None;
                self.at = At::Replaced(Skip::new(byte));
                return Ok(0);
            }
        }
        output.push(byte);
        Ok(1)
    }

    fn member(&mut self, byte: u8, output: &mut Vec<u8>) -> Result<usize, Error> {
        match byte {
            b'}' => {
                if self.count > 0 {
                    output.push(b',');
                }
                self.insert(output, 0)?;
            }
            b'"' => {
                self.count += 1;
                self.key.begin(self.wanted());
                self.at = At::Key;
            }
            _ => {}
        }
        output.push(byte);
        Ok(1)
    }

    fn read_key(&mut self, input: &[u8], output: &mut Vec<u8>) -> usize {
        let (length, ended) = self.key.read(input);
        output.extend_from_slice(&input[..length]);
        if ended {
            self.at = At::Colon { found: self.key.is(self.wanted()) };
        }
        length
    }

    fn element(&mut self, byte: u8, output: &mut Vec<u8>) -> Result<usize, Error> {
        match byte {
            b']' => {
                self.append(output)?;
                output.push(byte);
                Ok(1)
            }
            b',' => {
                output.push(byte);
                Ok(1)
            }
            _ => {
                let found = self.wanted().finds && self.wanted().index == Some(self.count);
                self.count += 1;
                Ok(self.value(byte, found, output))
            }
        }
    }

    /// Begins a value, which may be the one that the key at hand means.
    fn value(&mut self, first: u8, found: bool, output: &mut Vec<u8>) -> usize {
        if !found {
            self.at = At::Kept(Skip::new(first));
        } else if self.level + 1 < self.patch.keys.len() {
            self.level += 1;
            self.at = At::Container;
        } else {
            output.extend_from_slice(self.patch.value.as_bytes());
            self.equal = Some(0);
            self.at = At::Replaced(Skip::new(first));
        }
        0
    }

    fn keep(&mut self, mut skip: Skip, input: &[u8], output: &mut Vec<u8>) -> usize {
        let (length, ended) = skip.advance(input);
        output.extend_from_slice(&input[..length]);
        self.at = match (ended, self.in_object) {
            (false, _) => At::Kept(skip),
            (true, true) => At::Member,
            (true, false) => At::Element,
        };
        length
    }

    fn drop_replaced(&mut self, mut skip: Skip, input: &[u8]) -> usize {
        let (length, ended) = skip.advance(input);
        let new = self.patch.value.as_bytes();
        self.equal = self.equal.and_then(|done| {
            let next = done + length;
            (new.get(done..next) == Some(&input[..length])).then_some(next)
        });
        self.at = if ended { self.after_edit() } else { At::Replaced(skip) };
        if ended {
            self.findings.changes |= self.equal != Some(new.len());
        }
        length
    }

    fn after_edit(&self) -> At {
        if self.level == 0 && self.findings.trims_document { At::Ended } else { At::Done }
    }

    /// At the end of an array that has no such element.
    fn append(&mut self, output: &mut Vec<u8>) -> Result<(), Error> {
        let key = self.wanted();
        let padding = match key.new_index {
            Some(index) => {
                self.findings.compacts = Some(self.level);
                index.saturating_sub(self.count).max(0)
            }
            None if key.appends => 0,
            None => {
                return Err(Error::NotAnIndex { path: self.patch.path.to_string(), key: key.name.clone() });
            }
        };
        if padding > MAX_PADDING {
            return Err(self.too_far(key.new_index.unwrap_or_default(), self.count));
        }
        if self.count > 0 {
            output.push(b',');
        }
        self.insert(output, padding)
    }

    /// Writes what the path makes in the container at hand, which is about to end.
    fn insert(&mut self, output: &mut Vec<u8>, padding: i64) -> Result<(), Error> {
        let mut made = String::new();
        pad(&mut made, padding);
        let keys = &self.patch.keys[self.level..];
        let built = build_member(keys, &self.patch.value, self.in_object, &mut made);
        built.map_err(|index| self.too_far(index, 0))?;
        output.extend_from_slice(made.as_bytes());
        self.findings.changes = true;
        self.findings.trims_document |= self.level == 0;
        self.at = self.after_edit();
        Ok(())
    }

    fn too_far(&self, index: i64, len: i64) -> Error {
        Error::IndexTooFar { path: self.patch.path.to_string(), index, len }
    }
}

/// The container that a path makes where there is none. Fails with an index that is out of bounds.
fn build(keys: &[Key], value: &str) -> Result<String, i64> {
    let mut made = String::new();
    build_container(keys, value, keys[0].new_index.is_some(), &mut made)?;
    Ok(made)
}

fn build_container(keys: &[Key], value: &str, array: bool, made: &mut String) -> Result<(), i64> {
    let padding = keys[0].new_index.unwrap_or_default();
    if array && padding > MAX_PADDING {
        return Err(padding);
    }
    made.push(if array { '[' } else { '{' });
    if array {
        pad(made, padding);
    }
    build_member(keys, value, !array, made)?;
    made.push(if array { ']' } else { '}' });
    Ok(())
}

/// One member (or element) for the first of `keys`, with all that the others make in it.
fn build_member(keys: &[Key], value: &str, in_object: bool, made: &mut String) -> Result<(), i64> {
    let mut closing = Vec::new();
    let mut in_object = in_object;
    for (at, key) in keys.iter().enumerate() {
        if in_object {
            push_string(&key.name, made);
            made.push(':');
        }
        let Some(next) = keys.get(at + 1) else { break };
        let array = next.new_index.is_some() || next.appends;
        made.push(if array { '[' } else { '{' });
        closing.push(if array { ']' } else { '}' });
        if array {
            let padding = next.new_index.unwrap_or_default();
            if padding > MAX_PADDING {
                return Err(padding);
            }
            pad(made, padding);
        }
        in_object = !array;
    }
    made.push_str(value);
    made.extend(closing.iter().rev());
    Ok(())
}

fn pad(made: &mut String, nulls: i64) {
    for _ in 0..nulls {
        made.push_str("null,");
    }
}

/// Reads a key of an object and keeps as much of it as could still be the wanted one.
#[derive(Debug, Default)]
struct KeyReader {
    raw: Vec<u8>,
    /// More bytes than this cannot spell the wanted key: `\u0000` needs six for one.
    longest: usize,
    escaped: bool,
}

impl KeyReader {
    fn begin(&mut self, wanted: &Key) {
        self.raw.clear();
        self.longest = wanted.name.len() * 6;
        self.escaped = false;
    }

    /// Reads on; how many bytes, and whether the closing quote was the last of them.
    fn read(&mut self, input: &[u8]) -> (usize, bool) {
        for (at, &byte) in input.iter().enumerate() {
            if byte == b'"' && !self.escaped {
                return (at + 1, true);
            }
            self.escaped = byte == b'\\' && !self.escaped;
            if self.raw.len() <= self.longest {
                self.raw.push(byte);
            }
        }
        (input.len(), false)
    }

    fn is(&self, wanted: &Key) -> bool {
        if !wanted.finds || self.raw.len() > self.longest {
            return false;
        }
        if self.raw.contains(&b'\\') {
            unescape(&self.raw) == wanted.name.as_bytes()
        } else {
            self.raw == wanted.name.as_bytes()
        }
    }
}

/// A key as it is meant. Half a surrogate pair becomes U+FFFD.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let Some((&escape, tail)) = rest.split_first() else { break };
        rest = tail;
        match escape {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let character = code_point(&mut rest);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            plain => text.push(plain),
        }
    }
    text
}

/// Reads the digits after `\u`, and a second `\u` that completes a surrogate pair.
fn code_point(rest: &mut &[u8]) -> char {
    let high = hex4(rest).unwrap_or_default();
    *rest = rest.get(4..).unwrap_or_default();
    let low = rest.strip_prefix(b"\\u").and_then(hex4);
    match low {
        Some(low) if (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low) => {
            *rest = rest.get(6..).unwrap_or_default();
            char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        }
        _ => char::from_u32(high),
    }
    .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hex4(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}
