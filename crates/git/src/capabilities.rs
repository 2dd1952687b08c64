//! What a server says it can do, in its first lines.

use stoker_object::ObjectId;

use crate::pktline::{Packet, Packets};
use crate::{Error, text};

/// The most refs that are looked at: a server that names more is not read to its end.
const MOST_REFS: usize = 2_000_000;

/// Lines before the one that tells the protocol's version: a service's name and its flush, a version.
const MOST_LINES_BEFORE: usize = 8;

/// The protocol that the server chose, with what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Protocol v2.
    V2(V2),
    /// Protocol v0, or v1, which differs in its first line only.
    V0(V0),
}

/// A server of protocol v2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the wire, independent of the others")]
pub(crate) struct V2 {
    /// `fetch` takes `filter`.
    pub filter: bool,
    /// Packs without history can be had.
    pub shallow: bool,
    /// The server wants to be told the object format.
    pub object_format: bool,
    /// The server reads `agent=`.
    pub agent: bool,
}

/// A server of protocol v0 or v1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the wire, independent of the others")]
pub(crate) struct V0 {
    /// `fetch` takes `filter`.
    pub filter: bool,
    /// Any object can be wanted, not only what a ref points at: both `allow-tip-sha1-in-want` and
    /// `allow-reachable-sha1-in-want`, which is how git announces `uploadpack.allowAnySHA1InWant`.
    pub any_want: bool,
    /// Packs without history can be had.
    pub shallow: bool,
    /// Packs come in packets.
    pub sideband: bool,
    /// The server reads `agent=`.
    pub agent: bool,
}

/// A ref as a server names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefLine<'a> {
    /// The full name.
    pub name: &'a str,
    /// What the ref points at.
    pub id: ObjectId,
    /// What an annotated tag leads to in the end, where the server says so.
    pub peeled: Option<ObjectId>,
    /// The ref that a symbolic ref stands for.
    pub target: Option<&'a str>,
}

/// Sees refs one by one, as they stream by.
pub(crate) trait RefSink {
    fn see(&mut self, line: RefLine<'_>);
}

/// Looks at no ref.
impl RefSink for () {
    fn see(&mut self, _: RefLine<'_>) {}
}

impl Server {
    /// Refuses a server that has no way to send one commit without its history.
    pub fn check_fetch(&self) -> Result<(), Error> {
        let (shallow, sideband) = match self {
            Self::V2(server) => (server.shallow, true),
            Self::V0(server) => (server.shallow, server.sideband),
        };
        if !shallow {
            return Err(Error::Unsupported(
                "the server cannot send a commit without its history (capability shallow)",
            ));
        }
        if !sideband {
            return Err(Error::Unsupported("the server is too old: it has no capability side-band-64k"));
        }
        Ok(())
    }

    /// Whether any object can be asked for by its id.
    pub fn any_want(&self) -> bool {
        match self {
            Self::V2(_) => true,
            Self::V0(server) => server.any_want,
        }
    }

    /// Whether a pack without blobs can be had. Only where blobs can be asked for afterwards is that of use.
    pub fn no_blobs(&self) -> bool {
        match self {
            Self::V2(server) => server.filter,
            Self::V0(server) => server.filter && server.any_want,
        }
    }
}

/// Reads what a server says first. A server of protocol v0 names all its refs then: `refs` sees them.
pub(crate) fn read_advertisement(packets: &mut Packets<'_>, refs: &mut dyn RefSink) -> Result<Server, Error> {
    let mut announced = false;
    for _ in 0..MOST_LINES_BEFORE {
        match packets.next()? {
            // What HTTP servers put in front; version 2 is allowed to leave it out.
            Packet::Line(line) if line.starts_with(b"# service=") => announced = true,
            Packet::Flush if announced => announced = false,
            Packet::Line(b"version 2") => return read_v2(packets).map(Server::V2),
            Packet::Line(b"version 1") => {}
            Packet::Line(line) => {
                let capabilities = first_v0_line(line, refs)?;
                return read_v0(packets, &capabilities, refs).map(Server::V0);
            }
            // Version 0 of an old server that has nothing to say, not even what it can do.
            Packet::Flush => return Err(Error::EmptyRepository),
            Packet::Delimiter => return Err(Error::Protocol("a section ends before it began".to_owned())),
        }
    }
    Err(Error::Protocol("it never says what it can do".to_owned()))
}

fn read_v2(packets: &mut Packets<'_>) -> Result<V2, Error> {
    let mut server = V2::default();
    let (mut fetch, mut ls_refs) = (false, false);
    for _ in 0..1000 {
        let line = match packets.next()? {
            Packet::Line(line) => line,
            _ if fetch && ls_refs => return Ok(server),
            _ => return Err(Error::Unsupported("the server offers no ls-refs or no fetch")),
        };
        let (key, value) = split_at(line, b'=');
        match key {
            b"fetch" => {
                fetch = true;
                for word in words(value) {
                    server.filter |= word == b"filter";
                    server.shallow |= word == b"shallow";
                }
            }
            b"ls-refs" => ls_refs = true,
            b"agent" => server.agent = true,
            b"object-format" => {
                server.object_format = true;
                check_format(value)?;
            }
            _ => {}
        }
    }
    Err(Error::Protocol("the list of capabilities does not end".to_owned()))
}

/// The first ref, and the server's capabilities behind a zero byte.
fn first_v0_line(line: &[u8], refs: &mut dyn RefSink) -> Result<Vec<u8>, Error> {
    let (reference, capabilities) = split_at(line, 0);
    if words(capabilities).any(|word| word == b"object-format=sha256") {
        return Err(SHA256);
    }
    if reference.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() == 64 {
        return Err(SHA256);
    }
    let head = words(capabilities).find_map(|word| word.strip_prefix(b"symref=HEAD:"));
    // An empty repository has no ref; this name holds the place.
    if !reference.ends_with(b" capabilities^{}") {
        let mut line = v0_ref(reference)?;
        if line.name == "HEAD" {
            line.target = head.and_then(|target| std::str::from_utf8(target).ok());
        }
        refs.see(line);
    }
    Ok(capabilities.to_vec())
}

fn read_v0(packets: &mut Packets<'_>, capabilities: &[u8], refs: &mut dyn RefSink) -> Result<V0, Error> {
    let mut server = V0::default();
    let (mut tip, mut reachable) = (false, false);
    for word in words(capabilities) {
        match split_at(word, b'=') {
            (b"filter", _) => server.filter = true,
            (b"allow-tip-sha1-in-want", _) => tip = true,
            (b"allow-reachable-sha1-in-want", _) => reachable = true,
            (b"shallow", _) => server.shallow = true,
            (b"side-band-64k", _) => server.sideband = true,
            (b"agent", _) => server.agent = true,
            (b"object-format", format) => check_format(format)?,
            _ => {}
        }
    }
    server.any_want = tip && reachable;
    for _ in 0..MOST_REFS {
        match packets.next()? {
            // A shallow repository names its borders after its refs.
            Packet::Line(line) if line.starts_with(b"shallow ") => {}
            Packet::Line(line) => refs.see(v0_ref(line)?),
            _ => return Ok(server),
        }
    }
    Err(TOO_MANY_REFS)
}

/// A line of v0: `<id> <name>`, and for tags a second one, `<id> <name>^{}`.
fn v0_ref(line: &[u8]) -> Result<RefLine<'_>, Error> {
    let (id, name) = ref_parts(line)?;
    let (name, peeled) = match name.strip_suffix("^{}") {
        Some(name) => (name, Some(id)),
        None => (name, None),
    };
    Ok(RefLine { name, id, peeled, target: None })
}

/// Reads the answer to `ls-refs`.
pub(crate) fn read_refs(packets: &mut Packets<'_>, refs: &mut dyn RefSink) -> Result<(), Error> {
    for _ in 0..MOST_REFS {
        let Packet::Line(line) = packets.next()? else { return Ok(()) };
        // HEAD of a repository without a commit.
        if line.starts_with(b"unborn ") {
            continue;
        }
        let (id, rest) = ref_parts(line)?;
        let mut parts = rest.split(' ');
        let mut line = RefLine { name: parts.next().unwrap_or_default(), id, peeled: None, target: None };
        for attribute in parts {
            if let Some(id) = attribute.strip_prefix("peeled:") {
                line.peeled = id.parse().ok();
            } else if let Some(target) = attribute.strip_prefix("symref-target:") {
                line.target = Some(target);
            }
        }
        refs.see(line);
    }
    Err(TOO_MANY_REFS)
}

fn ref_parts(line: &[u8]) -> Result<(ObjectId, &str), Error> {
    let (id, name) = split_at(line, b' ');
    let id = std::str::from_utf8(id).ok().and_then(|hex| hex.parse().ok());
    match (id, std::str::from_utf8(name)) {
        (Some(id), Ok(name)) if !name.is_empty() => Ok((id, name)),
        // Git allows names that are no text; nobody can ask for them in a manifest.
        (Some(id), Err(_)) => Ok((id, "\u{fffd}")),
        _ => Err(Error::Protocol(format!("{:?} is no ref", text::printable(line)))),
    }
}

fn check_format(format: &[u8]) -> Result<(), Error> {
    if format == b"sha1" { Ok(()) } else { Err(SHA256) }
}

const SHA256: Error = Error::Unsupported(
    "the repository names its objects by SHA-256, which is not supported: use one made with --object-format=sha1",
);

const TOO_MANY_REFS: Error =
    Error::Limit { what: "the number of refs", value: MOST_REFS as u64 + 1, limit: MOST_REFS as u64 };

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn split_at(line: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == separator) {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

#[cfg(test)]
mod tests;
