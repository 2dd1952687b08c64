//! Packets as Git frames them: four hexadecimal digits of length, then the content.

use std::io::{self, BufRead, Write};

use crate::{Error, text};

/// The longest packet that Git allows, its four digits included.
const LONGEST: usize = 65520;

/// Longest line that is read whole. Refs are the longest lines there are, and a ref's name is a path.
const LONGEST_LINE: usize = 16 * 1024;

/// The head of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of an answer.
    ResponseEnd,
    /// A packet with so many bytes of content.
    Data(usize),
}

/// A packet that was read whole, as lines are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// `0000`, and `0002`, which ends a message too.
    Flush,
    /// `0001`.
    Delimiter,
    /// A line, without its line end.
    Line(&'a [u8]),
}

/// Reads packets off a stream, with one line in memory.
pub(crate) struct Packets<'a> {
    inner: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
}

impl<'a> Packets<'a> {
    pub fn new(inner: Box<dyn BufRead + 'a>) -> Self {
        Self { inner, line: Vec::new() }
    }

    /// The next packet. `ERR` lines become errors.
    pub fn next(&mut self) -> Result<Packet<'_>, Error> {
        match self.head()? {
            Head::Flush | Head::ResponseEnd => Ok(Packet::Flush),
            Head::Delimiter => Ok(Packet::Delimiter),
            Head::Data(length) => self.line(length).map(Packet::Line),
        }
    }

    /// The head of the next packet; its content is to be read from [`Packets::stream`].
    pub fn head(&mut self) -> Result<Head, Error> {
        let mut digits = [0; 4];
        self.fill(&mut digits, "before its answer was complete")?;
        let length = std::str::from_utf8(&digits)
            .ok()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| usize::from_str_radix(digits, 16).ok());
        match length {
            Some(0) => Ok(Head::Flush),
            Some(1) => Ok(Head::Delimiter),
            Some(2) => Ok(Head::ResponseEnd),
            Some(length @ 4..=LONGEST) => Ok(Head::Data(length - 4)),
            _ => Err(Error::Protocol(format!("a packet begins with {:?}", text::printable(&digits)))),
        }
    }

    /// The content of a packet whose head said `Data(length)`, as a line.
    pub fn line(&mut self, length: usize) -> Result<&[u8], Error> {
        if length > LONGEST_LINE {
            return Err(Error::Protocol(format!("a line has {length} bytes")));
        }
        let mut line = std::mem::take(&mut self.line);
        line.resize(length, 0);
        let read = self.fill(&mut line, "in the middle of a packet");
        self.line = line;
        read?;
        if let Some(complaint) = self.line.strip_prefix(b"ERR ") {
            return Err(server_error(complaint));
        }
        Ok(self.line.strip_suffix(b"\n").unwrap_or(&self.line))
    }

    /// The bytes behind the last packet that was read.
    pub fn stream(&mut self) -> &mut (dyn BufRead + 'a) {
        &mut *self.inner
    }

    fn fill(&mut self, bytes: &mut [u8], place: &'static str) -> Result<(), Error> {
        self.inner.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::CutOff(place),
            _ => Error::io("read the server's answer", error),
        })
    }
}

/// Writes a packet with a line.
pub(crate) fn write_line(out: &mut dyn Write, line: &str) -> io::Result<()> {
    writeln!(out, "{:04x}{line}", line.len() + 5)
}

/// What a server's complaint means.
pub(crate) fn server_error(complaint: &[u8]) -> Error {
    let said = text::printable(complaint);
    // git daemon, which by default says the same for what is not there and for what is not exported.
    let absent =
        ["access denied or repository not exported", "no such repository", "repository not exported"];
    if absent.iter().any(|words| said.starts_with(words)) {
        return Error::NotFound { with: "an anonymous reader".to_owned(), said };
    }
    Error::Server(said)
}

/// Whether the server's complaint is that it does not give out an object: in the words of git and of `JGit`.
pub(crate) fn refuses_want(error: &Error) -> bool {
    let Error::Server(said) = error.cause() else { return false };
    let said = said.to_ascii_lowercase();
    said.contains("not our ref")
        || (said.contains("want")
            && ["not valid", "invalid", "unknown", "not found"].iter().any(|word| said.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(bytes: &'static [u8]) -> Packets<'static> {
        Packets::new(Box::new(bytes))
    }

    #[test]
    fn lines_and_marks_are_told_apart() {
        let mut packets = packets(b"0009main\n0004000a a b c00010002");
        assert_eq!(packets.next().unwrap(), Packet::Line(b"main"));
        assert_eq!(packets.next().unwrap(), Packet::Line(b""));
        assert_eq!(packets.next().unwrap(), Packet::Line(b" a b c"));
        assert_eq!(packets.next().unwrap(), Packet::Delimiter);
        assert_eq!(packets.next().unwrap(), Packet::Flush);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write_line(&mut bytes, "command=fetch").unwrap();
        assert_eq!(bytes, b"0012command=fetch\n");
    }

    #[test]
    fn an_end_in_the_middle_is_an_error_that_says_where() {
        let message = |bytes| packets(bytes).next().unwrap_err().to_string();
        assert_eq!(message(b"0009mai"), "the server ended the connection in the middle of a packet");
        assert_eq!(message(b"00"), "the server ended the connection before its answer was complete");
        assert_eq!(message(b""), "the server ended the connection before its answer was complete");
    }

    #[test]
    fn what_is_no_packet_is_refused_before_memory_is_taken_for_it() {
        for bytes in [b"<htm".as_slice(), b"0003", b"+123", b"fff1", b"ffff"] {
            let error = Packets::new(Box::new(bytes)).next().unwrap_err();
            assert!(matches!(error, Error::Protocol(_)), "{error}");
        }
        assert!(matches!(packets(b"fff0x").next(), Err(Error::Protocol(_))), "a line of 64 kB");
    }

    #[test]
    fn the_servers_complaint_is_the_error() {
        let error = packets(b"0017ERR not our\x1b ref \n1").next().unwrap_err();
        assert_eq!(error.to_string(), "the server refused: not our ref 1");
        assert!(refuses_want(&error));
        assert!(refuses_want(&Error::Server("want 1234 not valid".into())));
        assert!(!refuses_want(&Error::Server("out of memory".into())));
        let error = server_error(b"access denied or repository not exported: /x");
        assert!(matches!(error, Error::NotFound { .. }));
    }
}
