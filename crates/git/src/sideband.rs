//! The pack inside an answer: band 1 of a multiplexed stream.

use std::io::{self, BufRead, Read};

use crate::pktline::{Head, Packets, server_error};
use crate::{Error, text};

/// Reads the pack, and nothing else, off the packets of an answer. Ends with the answer. Nothing is copied:
/// the reader below lends its bytes.
pub(crate) struct Sideband<'p, 'a> {
    packets: &'p mut Packets<'a>,
    /// Bytes that are left of the packet in hand.
    left: usize,
    /// Bytes of progress so far, which nobody asked for.
    progress: usize,
    ended: bool,
}

/// What a server may say of its progress. It was asked to say nothing.
const MOST_PROGRESS: usize = 8 * 1024 * 1024;

impl<'p, 'a> Sideband<'p, 'a> {
    /// Begins before the first packet of the pack.
    pub fn new(packets: &'p mut Packets<'a>) -> Self {
        Self { packets, left: 0, progress: 0, ended: false }
    }

    /// Begins in a packet whose band was found to be `band`, with `length` bytes left.
    pub fn within(packets: &'p mut Packets<'a>, band: u8, length: usize) -> Result<Self, Error> {
        let mut pack = Self::new(packets);
        pack.enter(band, length)?;
        Ok(pack)
    }

    /// Reads what comes after the pack, so that the connection can be used again.
    pub fn finish(mut self) -> Result<(), Error> {
        // A server that adds more than its last packets to a pack is not read to its end.
        for _ in 0..64 {
            let rest = self.fill_buf().map_err(|error| Error::io("read the server's answer", error))?.len();
            if rest == 0 {
                return Ok(());
            }
            self.consume(rest);
        }
        Err(Error::Protocol("bytes follow the pack".to_owned()))
    }

    fn advance(&mut self) -> Result<(), Error> {
        while self.left == 0 && !self.ended {
            match self.packets.head()? {
                Head::Flush | Head::ResponseEnd => self.ended = true,
                Head::Data(length) if length > 0 => {
                    let mut band = [0];
                    self.packets
                        .stream()
                        .read_exact(&mut band)
                        .map_err(|_| Error::CutOff("in the middle of a packet"))?;
                    self.enter(band[0], length - 1)?;
                }
                Head::Data(_) | Head::Delimiter => {
                    return Err(Error::Protocol("an empty packet in the pack".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, band: u8, length: usize) -> Result<(), Error> {
        match band {
            1 => self.left = length,
            2 => {
                // A packet costs its head, too.
                self.progress += length + 5;
                if self.progress > MOST_PROGRESS {
                    return Err(Error::Protocol("it tells of its progress without end".to_owned()));
                }
                let progress = self.packets.line(length)?;
                tracing::trace!(progress = text::printable(progress), "the server is at work");
            }
            3 => {
                let complaint = self.packets.line(length)?;
                return Err(server_error(complaint));
            }
            other => return Err(Error::Protocol(format!("a packet of the pack is on band {other}"))),
        }
        Ok(())
    }
}

impl BufRead for Sideband<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.advance().map_err(Error::into_io)?;
        if self.ended {
            return Ok(&[]);
        }
        let bytes = self.packets.stream().fill_buf()?;
        if bytes.is_empty() {
            return Err(Error::CutOff("in the middle of a packet").into_io());
        }
        Ok(&bytes[..bytes.len().min(self.left)])
    }

    fn consume(&mut self, amount: usize) {
        self.left -= amount;
        self.packets.stream().consume(amount);
    }
}

impl Read for Sideband<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> Result<Vec<u8>, Error> {
        let mut packets = Packets::new(Box::new(bytes));
        let mut pack = Vec::new();
        let mut sideband = Sideband::new(&mut packets);
        sideband.read_to_end(&mut pack).map_err(|error| Error::io("read", error))?;
        sideband.finish()?;
        Ok(pack)
    }

    #[test]
    fn the_pack_is_band_one() {
        assert_eq!(read(b"0008\x01PAC0005\x010009\x02hi!\n0006\x01K0000").unwrap(), b"PACK");
    }

    #[test]
    fn a_complaint_on_band_three_is_the_error() {
        let error = read(b"0008\x01PAC0011\x03disk is full0000").unwrap_err();
        assert_eq!(error.to_string(), "the server refused: disk is full");
    }

    #[test]
    fn a_broken_stream_says_so() {
        for bytes in [b"0008\x01PA".as_slice(), b"0008\x01PAC", b"0008", b"0008\x01PAC000"] {
            let bytes: &'static [u8] = bytes;
            assert!(matches!(read(bytes), Err(Error::CutOff(_))));
        }
        for bytes in [b"0005\x070000".as_slice(), b"00040000", b"00010000"] {
            let bytes: &'static [u8] = bytes;
            assert!(matches!(read(bytes), Err(Error::Protocol(_))));
        }
    }
}
