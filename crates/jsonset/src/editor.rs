//! Sets one path in a stream of valid JSON, byte by byte as sjson would.
//!
//! An editor reads the document in pieces, writes it in pieces, and holds nothing but one key. It runs twice. The first
//! run only looks: it learns what can be known at the end but matters at the beginning ([`Findings`]). The second writes.

use crate::build;
use crate::error::Error;
use crate::key::KeyReader;
use crate::path::Key;
use crate::skip::Skip;

/// A path and what it is set to.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    pub(crate) path: Box<str>,
    pub(crate) keys: Vec<Key>,
    pub(crate) value: Box<[u8]>,
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
    /// The replaced value is a string in which a `[` before any `{` is an error.
    watches_text: bool,
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
            watches_text: false,
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
                At::Replaced(skip) => self.drop_replaced(skip, input)?,
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
                let made = build::container(&self.patch.keys[self.level..], &self.patch.value);
                output.extend(made.map_err(|nulls| self.too_far(nulls))?);
                self.findings.changes = true;
                self.findings.trims_document |= self.level == 0;
                self.equal = None;
                self.watches_text = byte == b'"' && self.wanted().element.is_some();
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
                self.key.begin(self.wanted().member.as_deref());
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
            self.at = At::Colon { found: self.key.is(self.wanted().member.as_deref()) };
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
                let found = self.wanted().element == Some(self.count);
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
            output.extend_from_slice(&self.patch.value);
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

    fn drop_replaced(&mut self, mut skip: Skip, input: &[u8]) -> Result<usize, Error> {
        let (length, ended) = skip.advance(input);
        if self.watches_text {
            self.check_text(&input[..length])?;
        }
        let new = &*self.patch.value;
        self.equal = self.equal.and_then(|done| {
            let next = done + length;
            (new.get(done..next) == Some(&input[..length])).then_some(next)
        });
        self.at = if ended { self.after_edit() } else { At::Replaced(skip) };
        if ended {
            self.findings.changes |= self.equal != Some(new.len());
        }
        Ok(length)
    }

    fn check_text(&mut self, text: &[u8]) -> Result<(), Error> {
        match text.iter().find(|byte| matches!(byte, b'[' | b'{')) {
            Some(b'[') => {
                let (path, key) = (self.patch.path.to_string(), self.wanted().name.clone());
                Err(Error::IntoText { path, key })
            }
            Some(_) => {
                self.watches_text = false;
                Ok(())
            }
            None => Ok(()),
        }
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
                // As Go's int does: what wrapped around to the least number, it fills up to without end.
                index.wrapping_sub(self.count).max(0)
            }
            None if key.appends => 0,
            None => {
                return Err(Error::NotAnIndex { path: self.patch.path.to_string(), key: key.name.clone() });
            }
        };
        if self.count > 0 {
            output.push(b',');
        }
        self.insert(output, padding)
    }

    /// Writes what the path makes in the container at hand, which is about to end.
    fn insert(&mut self, output: &mut Vec<u8>, padding: i64) -> Result<(), Error> {
        let keys = &self.patch.keys[self.level..];
        let made = build::member(keys, &self.patch.value, self.in_object, padding);
        output.extend(made.map_err(|nulls| self.too_far(nulls))?);
        self.findings.changes = true;
        self.findings.trims_document |= self.level == 0;
        self.at = self.after_edit();
        Ok(())
    }

    fn too_far(&self, nulls: i64) -> Error {
        Error::IndexTooFar { path: self.patch.path.to_string(), nulls }
    }
}
