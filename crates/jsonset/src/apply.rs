//! Applies several paths to one document.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use crate::editor::{Editor, Findings, Patch};
use crate::error::Error;
use crate::path;
use crate::validate::{Fault, Validator};
use crate::value::Value;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Whether patching changed the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// At least one path altered bytes.
    Changed,
    /// Every value was there already, spelled the same.
    Unchanged,
}

/// Paths and their values, checked once and applied to any number of documents.
///
/// They are applied in byte order of the paths, each to the document that the one before it left.
#[derive(Debug, Clone)]
pub struct Patches {
    patches: Vec<Patch>,
}

impl Patches {
    /// Takes the paths apart; the first that cannot be set is the error.
    pub fn new<P: Into<String> + Ord>(set: BTreeMap<P, Value>) -> Result<Self, Error> {
        let set: BTreeMap<String, Value> =
            set.into_iter().map(|(path, value)| (path.into(), value)).collect();
        Self::compile(set)
    }

    fn compile(set: BTreeMap<String, Value>) -> Result<Self, Error> {
        let patches = set
            .into_iter()
            .map(|(path, value)| {
                let keys = path::parse(&path)?;
                Ok(Patch { path: path.into(), keys, value: value.as_json().into() })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { patches })
    }

    /// Reads the document from its beginning, twice, and writes it patched.
    ///
    /// Nothing is written when the document is not valid JSON or a path cannot be set in it.
    pub fn apply<D: Read + Seek>(&self, document: &mut D, output: &mut dyn Write) -> Result<Outcome, Error> {
        self.run(document, output)
    }

    /// The same for a document in memory.
    pub fn apply_to_bytes(&self, document: &[u8]) -> Result<Vec<u8>, Error> {
        let mut output = Vec::with_capacity(document.len() + 64);
        self.run(&mut Cursor::new(document), &mut output)?;
        Ok(output)
    }

    fn run(&self, document: &mut dyn Document, output: &mut dyn Write) -> Result<Outcome, Error> {
        let findings = self.look(document)?;
        let changed = findings.iter().any(|findings| findings.changes);
        let mut chain = Chain::new(&self.patches, &findings);
        read_through(document, |chunk| {
            let patched = chain.feed(chunk)?;
            output.write_all(patched).map_err(Error::Write)
        })?;
        Ok(if changed { Outcome::Changed } else { Outcome::Unchanged })
    }

    /// The first reading: is it JSON, can every path be set, and what must the second reading know?
    fn look(&self, document: &mut dyn Document) -> Result<Vec<Findings>, Error> {
        let mut validator = Validator::default();
        let mut fault = None;
        let mut chain = Chain::new(&self.patches, &vec![Findings::default(); self.patches.len()]);
        let mut refused = None;
        read_through(document, |chunk| {
            if fault.is_none() {
                fault = validator.feed(chunk).err();
            }
            // Invalid JSON is the graver error, wherever it is: so a path that cannot be set is not reported at once.
            if fault.is_none() && refused.is_none() {
                refused = chain.feed(chunk).err();
            }
            Ok(())
        })?;
        if let Some(fault) = fault.or_else(|| validator.finish().err()) {
            return Err(locate(document, fault)?);
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(chain.editors.iter().map(Editor::findings).collect()),
        }
    }
}

/// What is read: from the start, more than once.
trait Document: Read + Seek {}
impl<D: Read + Seek> Document for D {}

fn read_through(
    document: &mut dyn Document,
    mut each: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    document.seek(SeekFrom::Start(0)).map_err(Error::Read)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match fill(document, &mut chunk).map_err(Error::Read)? {
            0 => return Ok(()),
            length => each(&chunk[..length])?,
        }
    }
}

/// Reads until the chunk is full or the document ends, so that nothing depends on how a reader cuts its pieces.
fn fill(document: &mut dyn Document, chunk: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < chunk.len() {
        match document.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Line and column of a fault, by counting from the document's beginning.
fn locate(document: &mut dyn Document, fault: Fault) -> Result<Error, Error> {
    let (mut line, mut column, mut offset) = (1, 1, 0);
    read_through(document, |chunk| {
        for &byte in chunk.iter().take(usize::try_from(fault.offset - offset).unwrap_or(usize::MAX)) {
            offset += 1;
            match byte {
                b'\n' => (line, column) = (line + 1, 1),
                // The bytes that continue a character do not begin a column.
                0x80..=0xBF => {}
                _ => column += 1,
            }
        }
        Ok(())
    })?;
    Ok(Error::Syntax { line, column, problem: fault.problem })
}

/// Editors in a row: what one writes is what the next one reads.
struct Chain<'p> {
    editors: Vec<Editor<'p>>,
    front: Vec<u8>,
    back: Vec<u8>,
}

impl<'p> Chain<'p> {
    fn new(patches: &'p [Patch], findings: &[Findings]) -> Self {
        let editors =
            patches.iter().zip(findings).map(|(patch, findings)| Editor::new(patch, *findings)).collect();
        Self { editors, front: Vec::new(), back: Vec::new() }
    }

    /// What a piece of the document becomes.
    fn feed<'c>(&'c mut self, chunk: &'c [u8]) -> Result<&'c [u8], Error> {
        let mut edited = false;
        for editor in self.editors.iter_mut().filter(|editor| !editor.is_done()) {
            self.back.clear();
            editor.feed(if edited { &self.front } else { chunk }, &mut self.back)?;
            std::mem::swap(&mut self.front, &mut self.back);
            edited = true;
        }
        Ok(if edited { &self.front } else { chunk })
    }
}

#[cfg(test)]
mod tests;
