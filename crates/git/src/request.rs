//! What is asked of a server, as the bytes of both protocols.

use std::io::{self, Write};

use stoker_object::ObjectId;

use crate::capabilities::{V0, V2};
use crate::pktline::write_line;

/// How this program names itself to servers that ask.
pub(crate) const AGENT: &str = concat!("agent=stoker/", env!("CARGO_PKG_VERSION"));

/// A request that a transport can write more than once: plain, compressed, after a redirect.
pub(crate) trait Request {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// The refs that begin with some prefixes (v2).
pub(crate) struct LsRefs<'a> {
    pub server: &'a V2,
    pub prefixes: &'a [String],
}

impl Request for LsRefs<'_> {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        command(out, "ls-refs", self.server)?;
        write_line(out, "peel")?;
        write_line(out, "symrefs")?;
        for prefix in self.prefixes {
            write_line(out, &format!("ref-prefix {prefix}"))?;
        }
        out.write_all(b"0000")
    }
}

/// A pack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fetch<'a> {
    /// The objects that are asked for.
    pub wants: &'a [ObjectId],
    /// Commits whose trees are all here, and whose history is not.
    pub haves: &'a [ObjectId],
    /// Commits without their history: one commit deep.
    pub shallow: bool,
    /// Leave out every blob that is not asked for itself.
    pub no_blobs: bool,
    /// Commits alone, without trees and blobs; of what is had the history is had too.
    pub history: bool,
}

impl Fetch<'_> {
    /// The request for a server of protocol v2.
    pub fn v2<'a>(&'a self, server: &'a V2) -> impl Request + 'a {
        FetchV2 { fetch: self, server }
    }

    /// The request for a server of protocol v0 or v1.
    pub fn v0<'a>(&'a self, server: &'a V0) -> impl Request + 'a {
        FetchV0 { fetch: self, server }
    }

    /// Deltas against objects that are here already are asked for only where something is here.
    ///
    /// Git's pack-objects compares a shallow commit with what the client has in this mode only: without it
    /// all trees come again (of 1,200 files: 32 kB instead of 394 bytes).
    fn thin(&self) -> bool {
        !self.haves.is_empty() && !self.history
    }

    /// The lines that both protocols share, in v0's order.
    fn limits(&self, out: &mut dyn Write) -> io::Result<()> {
        // Who has a commit is thought to have its history, unless it says otherwise.
        for have in self.haves.iter().filter(|_| !self.history) {
            write_line(out, &format!("shallow {have}"))?;
        }
        if self.history {
            write_line(out, "filter tree:0")?;
        }
        if self.shallow {
            write_line(out, "deepen 1")?;
        }
        if self.no_blobs {
            write_line(out, "filter blob:none")?;
        }
        Ok(())
    }

    fn haves(&self, out: &mut dyn Write) -> io::Result<()> {
        self.haves.iter().try_for_each(|have| write_line(out, &format!("have {have}")))
    }
}

struct FetchV2<'a> {
    fetch: &'a Fetch<'a>,
    server: &'a V2,
}

impl Request for FetchV2<'_> {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        command(out, "fetch", self.server)?;
        write_line(out, "no-progress")?;
        write_line(out, "ofs-delta")?;
        if self.fetch.thin() {
            write_line(out, "thin-pack")?;
        }
        self.fetch.limits(out)?;
        for want in self.fetch.wants {
            write_line(out, &format!("want {want}"))?;
        }
        self.fetch.haves(out)?;
        write_line(out, "done")?;
        out.write_all(b"0000")
    }
}

struct FetchV0<'a> {
    fetch: &'a Fetch<'a>,
    server: &'a V0,
}

impl Request for FetchV0<'_> {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut capabilities = String::from(" side-band-64k ofs-delta no-progress");
        let flags = [
            (self.fetch.thin(), "thin-pack"),
            (self.fetch.shallow, "shallow"),
            (self.fetch.no_blobs || self.fetch.history, "filter"),
            (self.server.agent, AGENT),
        ];
        for (_, word) in flags.iter().filter(|(set, _)| *set) {
            capabilities.push(' ');
            capabilities.push_str(word);
        }
        for want in self.fetch.wants {
            // The first line carries what the client can do.
            write_line(out, &format!("want {want}{}", std::mem::take(&mut capabilities)))?;
        }
        self.fetch.limits(out)?;
        out.write_all(b"0000")?;
        self.fetch.haves(out)?;
        write_line(out, "done")
    }
}

/// The head of a v2 request, up to its arguments.
fn command(out: &mut dyn Write, name: &str, server: &V2) -> io::Result<()> {
    write_line(out, &format!("command={name}"))?;
    if server.agent {
        write_line(out, AGENT)?;
    }
    if server.object_format {
        write_line(out, "object-format=sha1")?;
    }
    out.write_all(b"0001")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &dyn Request) -> String {
        let mut bytes = Vec::new();
        request.write_to(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap().replace(AGENT, "agent=x")
    }

    fn id(digit: &str) -> ObjectId {
        digit.repeat(40).parse().unwrap()
    }

    #[test]
    fn a_first_fetch_says_no_have_and_wants_no_thin_pack() {
        let fetch = Fetch { wants: &[id("1")], haves: &[], shallow: true, no_blobs: true, history: false };
        let sent = text(&fetch.v2(&V2 { object_format: true, agent: true, ..V2::default() }));
        assert!(sent.starts_with("0012command=fetch\n"), "{sent}");
        assert!(sent.contains("object-format=sha1\n0001"), "{sent}");
        assert!(sent.contains("deepen 1\n") && sent.contains("filter blob:none\n"), "{sent}");
        assert!(
            sent.ends_with("0032want 1111111111111111111111111111111111111111\n0009done\n0000"),
            "{sent}"
        );
        assert!(!sent.contains("have") && !sent.contains("thin"), "{sent}");
    }

    #[test]
    fn a_commit_that_is_had_is_said_to_be_shallow() {
        let fetch =
            Fetch { wants: &[id("1")], haves: &[id("2")], shallow: true, no_blobs: true, history: false };
        for sent in [text(&fetch.v2(&V2::default())), text(&fetch.v0(&V0::default()))] {
            let at = |part: &str| sent.find(part).unwrap_or_else(|| panic!("{part}: {sent}"));
            assert!(at("shallow 2222") < at("have 2222"), "{sent}");
            assert!(sent.contains("thin-pack"), "{sent}");
        }
    }

    #[test]
    fn version_0_puts_its_capabilities_on_the_first_want() {
        let fetch =
            Fetch { wants: &[id("1"), id("2")], haves: &[], shallow: true, no_blobs: false, history: false };
        let sent = text(&fetch.v0(&V0 { agent: true, ..V0::default() }));
        let first = "want 1111111111111111111111111111111111111111 side-band-64k ofs-delta no-progress shallow agent=x\n";
        assert_eq!(sent.find(first), Some(4), "{sent}");
        assert!(
            sent.ends_with("0032want 2222222222222222222222222222222222222222\n000ddeepen 1\n00000009done\n"),
            "{sent}"
        );
    }

    #[test]
    fn only_refs_of_the_prefixes_are_asked_for() {
        let prefixes = ["refs/heads/main".to_owned()];
        let sent = text(&LsRefs { server: &V2::default(), prefixes: &prefixes });
        assert!(sent.ends_with("00010009peel\n000csymrefs\n001fref-prefix refs/heads/main\n0000"), "{sent}");
    }
}
