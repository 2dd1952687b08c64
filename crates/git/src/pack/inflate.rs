use std::io::BufRead;

use flate2::{Decompress, FlushDecompress, Status};

use super::entry::fill;
use super::fault::Fault;

/// The bytes of one compressed object, pulled out piece by piece and held to the size that its head
/// declares: an object that inflates beyond it is refused at the first byte too many.
pub(crate) struct Inflate<'a> {
    state: &'a mut Decompress,
    input: &'a mut dyn BufRead,
    left: u64,
    ended: bool,
}

impl<'a> Inflate<'a> {
    /// Begins the object of `size` bytes whose compressed bytes are next in `input`.
    pub fn new(state: &'a mut Decompress, input: &'a mut dyn BufRead, size: u64) -> Self {
        state.reset(true);
        Self { state, input, left: size, ended: false }
    }

    /// The next bytes, at least one and at most as many as fit `out`; 0 when all were read, or when
    /// `out` is empty.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        let wanted = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            let count = self.step(&mut out[..wanted])?;
            if count > 0 {
                self.left -= count as u64;
                return Ok(count);
            }
            if self.ended {
                return Err(Fault::damaged("an object is shorter than it says"));
            }
        }
    }

    /// So many bytes follow: for an object whose size stands among its own first bytes.
    pub fn expect(&mut self, left: u64) {
        self.left = left;
    }

    /// Drops what was not read, then checks the end as [`Inflate::finish`] does.
    pub fn discard(mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        while self.read(buffer)? > 0 {}
        self.finish()
    }

    /// Reads on to the end of the compressed bytes and their checksum; nothing may come before it.
    pub fn finish(mut self) -> Result<(), Fault> {
        if self.left > 0 {
            return Err(Fault::damaged("an object is longer than what was read of it"));
        }
        while !self.ended {
            if self.step(&mut [0])? > 0 {
                return Err(Fault::damaged("an object is longer than it says"));
            }
        }
        Ok(())
    }

    fn step(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if self.ended {
            return Ok(0);
        }
        let ready = fill(self.input)?;
        if ready.is_empty() {
            return Err(Fault::damaged("it ends in the middle of an object"));
        }
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(ready, out, FlushDecompress::None)
            .map_err(|error| Fault::damaged(format!("an object does not inflate ({error})")))?;
        let consumed = (self.state.total_in() - before_in) as usize;
        let produced = (self.state.total_out() - before_out) as usize;
        self.input.consume(consumed);
        self.ended = status == Status::StreamEnd;
        if consumed == 0 && produced == 0 && !self.ended {
            return Err(Fault::damaged("an object does not inflate"));
        }
        Ok(produced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(mut packed: &[u8], size: u64) -> Result<(Vec<u8>, usize), Fault> {
        let mut state = Decompress::new(true);
        let mut inflate = Inflate::new(&mut state, &mut packed, size);
        let (mut all, mut piece) = (Vec::new(), [0; 7]);
        loop {
            match inflate.read(&mut piece)? {
                0 => break,
                count => all.extend_from_slice(&piece[..count]),
            }
        }
        inflate.finish()?;
        Ok((all, packed.len()))
    }

    #[test]
    fn an_object_is_read_in_pieces_and_the_next_one_is_left_alone() {
        let content = b"a gateway, a gateway, a gateway and a projec".repeat(9);
        let mut packed = deflate(&content);
        packed.extend_from_slice(b"next");
        assert_eq!(inflate(&packed, content.len() as u64).unwrap(), (content, 4));
        assert_eq!(inflate(&deflate(b""), 0).unwrap(), (Vec::new(), 0));
    }

    #[test]
    fn a_size_that_is_not_true_is_refused_either_way() {
        let packed = deflate(b"twelve bytes");
        for size in [0, 11, 13, u64::MAX] {
            assert!(matches!(inflate(&packed, size), Err(Fault::Damaged(_))), "{size}");
        }
    }

    #[test]
    fn a_cut_or_changed_stream_is_refused() {
        let packed = deflate(b"twelve bytes");
        for end in 0..packed.len() {
            assert!(matches!(inflate(&packed[..end], 12), Err(Fault::Damaged(_))), "{end}");
        }
        let mut changed = packed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(matches!(inflate(&changed, 12), Err(Fault::Damaged(_))));
    }
}
