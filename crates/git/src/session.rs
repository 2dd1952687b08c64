//! One server, as far as it takes to ask it for refs and packs: the protocol's version and what the server can do
//! are settled here, once, and a connection that has gone stale is made anew.

use std::io::{self, BufWriter, Read as _, Write};
use std::path::PathBuf;

use crate::Error;
use crate::capabilities::{RefSink, Server, V2, read_advertisement, read_refs};
use crate::pack::{self, Limits, PackStats};
use crate::pktline::{Head, Packet, Packets};
use crate::request::{Fetch, LsRefs, Request};
use crate::sideband::Sideband;
use crate::store::BlobSink;
use crate::transport::{Options, Traffic, Transport};
use crate::trees::TreeStore;

/// What may follow an answer's last packet: HTTP's own end, and nothing else.
const LONGEST_TAIL: u64 = 1024;

/// Bytes of a request that go out at a time.
const PIECE: usize = 8 << 10;

/// A repository on a server.
pub(crate) struct Session {
    transport: Box<dyn Transport>,
    /// Known while a connection serves more than one request. A server of protocol v0 is greeted anew each time.
    known: Option<V2>,
    scratch: PathBuf,
    limits: Limits,
}

impl Session {
    pub fn new(transport: Box<dyn Transport>, options: &Options) -> Self {
        Self { transport, known: None, scratch: options.scratch.clone(), limits: options.limits }
    }

    pub fn traffic(&self) -> Traffic {
        self.transport.traffic()
    }

    /// Nothing will be asked for a while: a connection that costs something is given back, and made anew when needed.
    pub fn rest(&mut self) {
        if !self.transport.stateless() {
            self.known = None;
        }
        self.transport.rest();
    }

    /// Shows `refs` the refs with these prefixes; a server of protocol v0 names all it has, and then the answer
    /// is true.
    pub fn refs(&mut self, prefixes: &[String], refs: &mut dyn RefSink) -> Result<bool, Error> {
        // The process at the other end of a connection remembers the refs that it has read once.
        if !self.transport.stateless() {
            self.known = None;
        }
        self.work(|session| {
            let Server::V2(server) = session.greet(refs)? else { return Ok(true) };
            session.ask(&LsRefs { server: &server, prefixes }, |packets| read_refs(packets, refs))?;
            Ok(false)
        })
    }

    /// What the server can do. A server of protocol v0 names its refs at the same time, and `refs` sees them.
    pub fn server(&mut self, refs: &mut dyn RefSink) -> Result<Server, Error> {
        self.work(|session| session.greet(refs))
    }

    /// Fetches a pack from a server that was asked what it can do right before.
    pub fn fetch(
        &mut self,
        server: &Server,
        fetch: &Fetch<'_>,
        trees: &mut TreeStore,
        blobs: &mut dyn BlobSink,
    ) -> Result<PackStats, Error> {
        let (scratch, limits) = (self.scratch.clone(), self.limits);
        let mut receive = |pack: &mut Sideband<'_, '_>| pack::receive(pack, trees, blobs, &scratch, &limits);
        self.pack(server, fetch, &mut receive)
    }

    /// Asks for a pack and gives it to `receive`.
    pub fn pack<T>(
        &mut self,
        server: &Server,
        fetch: &Fetch<'_>,
        receive: &mut dyn FnMut(&mut Sideband<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        server.check_fetch()?;
        self.work(|session| match (server, session.known.is_some()) {
            (Server::V0(server), _) => session.ask(&fetch.v0(server), |packets| v0_pack(packets, receive)),
            (Server::V2(server), true) => session.ask(&fetch.v2(server), |packets| v2_pack(packets, receive)),
            (Server::V2(_), false) => match session.greet(&mut ())? {
                Server::V2(server) => session.ask(&fetch.v2(&server), |packets| v2_pack(packets, receive)),
                Server::V0(_) => Err(Error::Protocol("it spoke version 2, and now an older one".to_owned())),
            },
        })
    }

    /// Does a piece of work; once more from the handshake on where a server that was greeted earlier refuses, or is
    /// gone, before it has sent anything: an idle connection was closed, or a token was renewed.
    fn work<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let greeted = self.known.is_some();
        let received = self.traffic().received;
        let outcome = match work(self) {
            Err(error) if greeted && is_stale(&error) && self.traffic().received == received => {
                tracing::debug!(%error, "the server is greeted anew");
                self.known = None;
                work(self)
            }
            outcome => outcome,
        };
        if outcome.is_err() {
            self.known = None;
        }
        outcome
    }

    fn greet(&mut self, refs: &mut dyn RefSink) -> Result<Server, Error> {
        if let Some(server) = &self.known {
            return Ok(Server::V2(server.clone()));
        }
        let stateless = self.transport.stateless();
        let mut packets = Packets::new(self.transport.handshake()?);
        let server = read_advertisement(&mut packets, refs)?;
        finish(packets, stateless)?;
        if let Server::V2(server) = &server {
            self.known = Some(server.clone());
        }
        Ok(server)
    }

    fn ask<T>(
        &mut self,
        request: &dyn Request,
        mut read: impl FnMut(&mut Packets<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let stateless = self.transport.stateless();
        let mut packets = Packets::new(self.transport.request(&Gathered(request))?);
        let answer = read(&mut packets)?;
        finish(packets, stateless)?;
        Ok(answer)
    }
}

/// A request whose lines go out in large pieces: gzip's checksum copies 8 KiB of tables for every piece that it is given
/// (zlib-rs), and 8,000 wanted ids are some 40,000 pieces.
struct Gathered<'a>(&'a dyn Request);

impl Request for Gathered<'_> {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(PIECE, out);
        self.0.write_to(&mut out)?;
        out.flush()
    }
}

/// Whether a new handshake may help.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::AuthFailed { .. } | Error::Unreachable { .. } | Error::CutOff(_))
}

/// Reads an answer to its end, so that HTTP can use the connection again.
fn finish(mut packets: Packets<'_>, stateless: bool) -> Result<(), Error> {
    if stateless {
        let copied = io::copy(&mut packets.stream().take(LONGEST_TAIL), &mut io::sink());
        copied.map_err(|error| Error::io("read the end of an answer", error))?;
    }
    Ok(())
}

type Receive<'a, T> = dyn FnMut(&mut Sideband<'_, '_>) -> Result<T, Error> + 'a;

/// Lines before a pack: its borders, and what is common. We ask for one commit and say few.
const MOST_LINES: usize = 10_000;

/// The pack in an answer of protocol v2: a section after others that are of no use here.
fn v2_pack<T>(packets: &mut Packets<'_>, receive: &mut Receive<'_, T>) -> Result<T, Error> {
    for _ in 0..MOST_LINES {
        match packets.next()? {
            Packet::Line(b"packfile") => return take(Sideband::new(packets), receive),
            Packet::Line(_) | Packet::Delimiter => {}
            Packet::Flush => break,
        }
    }
    Err(no_pack())
}

/// The pack in an answer of protocol v0: it follows lines about borders and about what is common, and is known by
/// its first packet, which begins with the number of a band.
fn v0_pack<T>(packets: &mut Packets<'_>, receive: &mut Receive<'_, T>) -> Result<T, Error> {
    for _ in 0..MOST_LINES {
        let length = match packets.head()? {
            Head::Data(length) if length > 0 => length,
            _ => continue,
        };
        let first =
            packets.stream().fill_buf().map_err(|error| Error::io("read the server's answer", error))?;
        match first.first() {
            Some(band @ 0..=3) => {
                let band = *band;
                packets.stream().consume(1);
                return take(Sideband::within(packets, band, length - 1)?, receive);
            }
            _ => packets.line(length)?,
        };
    }
    Err(no_pack())
}

fn no_pack() -> Error {
    Error::Protocol("an answer without a pack".to_owned())
}

fn take<T>(mut pack: Sideband<'_, '_>, receive: &mut Receive<'_, T>) -> Result<T, Error> {
    let taken = match receive(&mut pack) {
        Ok(taken) => taken,
        // The reader's own errors come back wrapped by whoever read.
        Err(Error::Io { what, source }) => return Err(Error::io(what, source)),
        Err(error) => return Err(error),
    };
    pack.finish()?;
    Ok(taken)
}
