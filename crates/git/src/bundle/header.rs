//! The head of a bundle: what it is of, what it needs, which refs it has.

use std::io::BufRead;

use stoker_object::ObjectId;

use crate::{Error, text};

/// The longest line: a ref's name is at most a path.
const LONGEST_LINE: usize = 8192;
/// Lines of a head; a forge with more refs has no use for bundles.
const MOST_LINES: usize = 2_000_000;
/// Prerequisites that are named; the others are counted.
const NAMED: usize = 5;

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Header {
    /// The first of the commits that whoever uses it must have.
    pub prerequisites: Vec<ObjectId>,
    /// How many those are in all.
    pub needs: usize,
    /// Bytes before the pack.
    pub length: u64,
}

/// Whether a file begins as a bundle does.
pub(crate) fn is_bundle(beginning: &[u8]) -> bool {
    beginning.starts_with(b"# v2 git bundle\n") || beginning.starts_with(b"# v3 git bundle\n")
}

/// Reads a head up to its empty line; `each` sees the refs.
pub(crate) fn read(input: &mut dyn BufRead, each: &mut dyn FnMut(ObjectId, &str)) -> Result<Header, Error> {
    let mut header = Header::default();
    let mut line = Vec::new();
    for number in 0..MOST_LINES {
        take(input, &mut line, &mut header.length)?;
        match (number, line.as_slice()) {
            (0, line) if is_bundle(&[line, b"\n"].concat()) => {}
            (0, b"# v1 git bundle") => {
                return Err(strange("it is of version 1, which nobody writes any more"));
            }
            (0, _) => return Err(strange("it does not begin as a bundle does")),
            (_, b"") => return Ok(header),
            (_, [b'@', capability @ ..]) => check(capability)?,
            (_, [b'-', id @ ..]) => {
                header.needs += 1;
                let id = id.split(|byte| *byte == b' ').next().unwrap_or_default();
                let id = parse(id)?;
                if header.prerequisites.len() < NAMED {
                    header.prerequisites.push(id);
                }
            }
            (_, line) => {
                let at = line.iter().position(|byte| *byte == b' ');
                let (id, name) = line.split_at(at.unwrap_or(line.len()));
                // Git allows names that are no text; nobody can ask for them.
                if let (id, Ok(name)) = (parse(id)?, std::str::from_utf8(name)) {
                    each(id, name.trim_start());
                }
            }
        }
    }
    Err(strange("its head does not end"))
}

/// Takes a line without its end.
fn take(input: &mut dyn BufRead, line: &mut Vec<u8>, length: &mut u64) -> Result<(), Error> {
    line.clear();
    loop {
        let ready = input.fill_buf().map_err(|error| Error::io("read a bundle", error))?;
        if ready.is_empty() {
            return Err(strange("its head is cut off"));
        }
        let end = ready.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(ready.len());
        if line.len() + taken > LONGEST_LINE {
            return Err(strange("a line of its head is too long"));
        }
        line.extend_from_slice(&ready[..taken]);
        let consumed = taken + usize::from(end.is_some());
        input.consume(consumed);
        *length += consumed as u64;
        if end.is_some() {
            return Ok(());
        }
    }
}

fn check(capability: &[u8]) -> Result<(), Error> {
    match capability {
        b"object-format=sha1" => Ok(()),
        b"object-format=sha256" => {
            Err(Error::Unsupported("the bundle uses SHA-256 object ids, which are not supported"))
        }
        other if other.starts_with(b"filter=") => Err(Error::Unsupported(
            "the bundle was made with a filter, so that files are missing in it: make it without --filter",
        )),
        other => Err(strange(&format!("it needs what is not known here ({:?})", text::printable(other)))),
    }
}

fn parse(id: &[u8]) -> Result<ObjectId, Error> {
    let id = std::str::from_utf8(id).ok().and_then(|hex| hex.parse().ok());
    id.ok_or_else(|| strange("a line of its head names no object"))
}

fn strange(why: &str) -> Error {
    Error::Corrupt(format!("the bundle cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9daeafb9864cf43055ae93beb0afd6c7d144bfa4";

    fn head(text: &str) -> Result<(Header, Vec<String>), Error> {
        let mut refs = Vec::new();
        // Small pieces: lines go over their borders.
        let mut input = std::io::BufReader::with_capacity(7, text.as_bytes());
        let header = read(&mut input, &mut |_, name| refs.push(name.to_owned()))?;
        Ok((header, refs))
    }

    #[test]
    fn both_versions_are_read_up_to_the_pack() {
        let text = format!("# v2 git bundle\n{ID} refs/heads/main\n{ID} HEAD\n\nPACK");
        let (header, refs) = head(&text).unwrap();
        assert_eq!(
            (refs.join(" "), header.needs, header.length),
            ("refs/heads/main HEAD".into(), 0, text.len() as u64 - 4)
        );
        let (header, _) =
            head(&format!("# v3 git bundle\n@object-format=sha1\n-{ID} Base\n-{ID}\n{ID} x\n\n")).unwrap();
        assert_eq!((header.needs, header.prerequisites.len()), (2, 2));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (text, words) in [
            (String::new(), "cut off"),
            ("hello\n\n".to_owned(), "does not begin"),
            ("# v1 git bundle\n\n".to_owned(), "version 1"),
            (format!("# v2 git bundle\n{ID} x"), "cut off"),
            ("# v2 git bundle\nabc x\n\n".to_owned(), "names no object"),
            ("# v3 git bundle\n@object-format=sha256\n\n".to_owned(), "SHA-256"),
            ("# v3 git bundle\n@filter=blob:none\n\n".to_owned(), "--filter"),
            ("# v3 git bundle\n@magic\n\n".to_owned(), "\"magic\""),
            (format!("# v2 git bundle\n{ID} {}\n\n", "x".repeat(LONGEST_LINE)), "too long"),
        ] {
            let error = head(&text).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
