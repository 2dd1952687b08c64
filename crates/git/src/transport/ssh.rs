//! SSH, by russh. It is asynchronous; its runtime lives and works inside the calls of this module only, on the caller's
//! thread, so that it costs nothing while nothing is asked.

mod answer;
pub(super) mod capture;
mod connection;
mod ending;
mod host;
mod key;

use std::io::{self, BufRead, BufWriter, Write as _};
use std::time::Duration;

use super::{Options, Traffic, Transport, failure};
use crate::Error;
use crate::request::Request;
use crate::url::SshUrl;
use answer::Answer;
use connection::Connection;

/// Pieces of a request: SSH's own packets are no larger.
const PIECE: usize = 32 * 1024;

/// A repository behind an SSH server.
pub(super) struct Ssh {
    url: SshUrl,
    options: Options,
    connection: Option<Connection>,
    traffic: Traffic,
}

impl Ssh {
    pub fn new(url: SshUrl, options: Options) -> Self {
        Self { url, options, connection: None, traffic: Traffic::default() }
    }

    /// `git-upload-pack '/path'`, as git's own client asks for it.
    fn command(&self) -> String {
        format!("git-upload-pack {}", quoted(&self.url.path))
    }

    /// Starts a `git-upload-pack`, on the connection that there is, or on a new one.
    fn start(&mut self) -> Result<&mut Connection, Error> {
        let command = self.command();
        if let Some(mut connection) = self.connection.take() {
            match connection.start(&command, &self.options) {
                Ok(()) => return Ok(self.connection.insert(connection)),
                // It was closed while nothing was asked.
                Err(error) => tracing::debug!(%error, "the server is connected to anew"),
            }
        }
        self.traffic.requests += 1;
        let mut connection = Connection::open(&self.url, &self.options)?;
        connection.start(&command, &self.options)?;
        Ok(self.connection.insert(connection))
    }

    fn answer(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        let (first, silence) = (self.options.first_byte_timeout, self.options.silence_timeout);
        let connection = self.connection.as_mut().ok_or(Error::CutOff("before its answer"))?;
        Ok(Box::new(Answer::new(connection, &mut self.traffic.received, first, silence)))
    }
}

/// A path as one word, also for a server's shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

impl Transport for Ssh {
    fn handshake(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        self.start()?;
        self.answer()
    }

    fn request(&mut self, request: &dyn Request) -> Result<Box<dyn BufRead + '_>, Error> {
        let limit = self.options.silence_timeout;
        let connection = self.connection.as_mut().ok_or(Error::CutOff("before a request"))?;
        let mut out = Sent { connection, bytes: 0, limit };
        let mut buffered = BufWriter::with_capacity(PIECE, &mut out);
        let written = request.write_to(&mut buffered).and_then(|()| buffered.flush());
        drop(buffered);
        self.traffic.requests += 1;
        self.traffic.sent += out.bytes;
        written.map_err(|error| match Error::io("send a request", error) {
            Error::Io { what, source } => Error::Unreachable { what, cause: failure::of_system(&source) },
            error => error,
        })?;
        self.answer()
    }

    fn stateless(&self) -> bool {
        false
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// An idle connection would keep a runtime, keys and buffers in memory, and its server's process.
    fn rest(&mut self) {
        self.connection = None;
    }
}

/// Writes to a connection and counts.
struct Sent<'a> {
    connection: &'a mut Connection,
    bytes: u64,
    limit: Duration,
}

impl io::Write for Sent<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.send(bytes, self.limit).map_err(Error::into_io)?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::{Location, RepoUrl};

    #[test]
    fn the_path_is_quoted_so_that_no_shell_reads_it() {
        let command = |text: &str| match RepoUrl::parse(text).unwrap().location() {
            Location::Ssh(url) => Ssh::new(url.clone(), Options::default()).command(),
            _ => panic!("{text}"),
        };
        assert_eq!(command("ssh://h/srv/x.git"), "git-upload-pack '/srv/x.git'");
        assert_eq!(command("h:a'b;$(c) d"), r"git-upload-pack 'a'\''b;$(c) d'");
        assert_eq!(command("h:wow!"), r"git-upload-pack 'wow'\!''");
    }
}
