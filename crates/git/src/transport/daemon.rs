//! `git://`: one TCP connection to `git daemon`. Nothing proves who the server is; the objects' ids do.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::counted::Counted;
use super::{Options, Traffic, Transport, failure, tunnel};
use crate::Error;
use crate::request::Request;
use crate::url::DaemonUrl;

/// The port that IANA gave to `git daemon`.
const PORT: u16 = 9418;

const BUFFER: usize = 32 * 1024;

/// A repository behind `git daemon`.
pub(super) struct Daemon {
    url: DaemonUrl,
    options: Options,
    stream: Option<TcpStream>,
    traffic: Traffic,
}

impl Daemon {
    pub fn new(url: DaemonUrl, options: Options) -> Self {
        Self { url, options, stream: None, traffic: Traffic::default() }
    }

    /// Says that nothing more is wanted, so that the server does not log a client that vanished.
    fn close(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            // Who does not hear it is gone already.
            let _ = stream.write_all(b"0000");
        }
    }

    /// Sends bytes; the answer is read by [`Daemon::answer`].
    fn send(&mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), Error> {
        let limit = self.options.silence_timeout;
        let stream = self.stream.as_ref().ok_or(Error::CutOff("before a request"))?;
        let mut out = Sent { stream, bytes: 0 };
        let mut buffered = BufWriter::with_capacity(BUFFER, &mut out);
        let written = write(&mut buffered).and_then(|()| buffered.flush());
        drop(buffered);
        self.traffic.requests += 1;
        self.traffic.sent += out.bytes;
        written.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Error::Silent { during: "a request was sent", limit }
            }
            _ => Error::Unreachable { what: "send a request".to_owned(), cause: failure::of_system(&error) },
        })
    }

    fn answer(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        let (first, silence) = (self.options.first_byte_timeout, self.options.silence_timeout);
        let stream = self.stream.as_ref().ok_or(Error::CutOff("before its answer"))?;
        let patient = Patient { stream, next: first, then: silence };
        let meaning = move |error: io::Error| failure::of_stream(&error, silence.max(first));
        let counted = Counted::new(patient, &mut self.traffic.received, silence, meaning);
        Ok(Box::new(BufReader::with_capacity(BUFFER, counted)))
    }

    /// `git-upload-pack /path\0host=name\0\0version=2\0`, as a packet.
    fn greeting(&self) -> String {
        let DaemonUrl { host, port, path } = &self.url;
        let host = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        // A home directory is asked for without the slash before it.
        let path = if path.starts_with("/~") { &path[1..] } else { path };
        let line = format!("git-upload-pack {path}\0host={host}\0\0version=2\0");
        format!("{:04x}{line}", line.len() + 4)
    }
}

impl Transport for Daemon {
    fn handshake(&mut self) -> Result<Box<dyn BufRead + '_>, Error> {
        self.close();
        let DaemonUrl { host, port, .. } = &self.url;
        let stream = tunnel::connect("git", host, port.unwrap_or(PORT), &self.options)?;
        stream
            .set_write_timeout(Some(self.options.silence_timeout))
            .and_then(|()| stream.set_nodelay(true))
            .map_err(|error| Error::io("set a time limit on a connection", error))?;
        self.stream = Some(stream);
        let greeting = self.greeting();
        self.send(|out| out.write_all(greeting.as_bytes()))?;
        self.answer()
    }

    fn request(&mut self, request: &dyn Request) -> Result<Box<dyn BufRead + '_>, Error> {
        self.send(|out| request.write_to(out))?;
        self.answer()
    }

    fn stateless(&self) -> bool {
        false
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes to a connection and counts.
struct Sent<'a> {
    stream: &'a TcpStream,
    bytes: u64,
}

impl io::Write for Sent<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.stream.write(bytes)?;
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for the first byte as long as for a server at work, and for the next ones as silence is borne.
struct Patient<'a> {
    stream: &'a TcpStream,
    next: Duration,
    then: Duration,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.next))?;
        self.next = self.then;
        self.stream.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_is_gits_own() {
        let greeting = |host: &str, port, path: &str| {
            let url = DaemonUrl { host: host.into(), port, path: path.into() };
            Daemon::new(url, Options::default()).greeting()
        };
        assert_eq!(greeting("host", None, "/x.git"), "0030git-upload-pack /x.git\0host=host\0\0version=2\0");
        assert!(greeting("[::1]", Some(1), "/x").contains("\0host=[::1]:1\0"));
        assert!(greeting("host", None, "/~me/x").contains("git-upload-pack ~me/x\0"));
    }
}
