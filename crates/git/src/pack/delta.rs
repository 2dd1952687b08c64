use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::fault::Fault;
use super::inflate::Inflate;
use super::output::Output;

/// Bytes of instructions that are inflated at a time.
pub(crate) const INSTRUCTIONS: usize = 8 * 1024;
/// A base up to this many bytes is best read whole: instructions jump about, and one read is cheaper than many.
pub(crate) const WHOLE: u64 = 128 * 1024;
/// Copies shorter than this are served from blocks of the base, each read once for several of them; longer ones go
/// from the base's file straight to where they belong.
const SHORT_COPY: u64 = 4 * 1024;
/// Bytes of a block.
const BLOCK: u64 = 8 * 1024;
/// Blocks that are held, each in the place that its number gives it.
const HELD: usize = 16;
/// No block has this number: it would begin beyond 64 bits.
const NONE: u64 = u64::MAX;

/// The object that a delta starts from.
pub(crate) enum Source<'a> {
    /// It lies in memory.
    Memory(&'a [u8]),
    /// It lies in a file.
    File(FileSource<'a>),
}

/// A base in a file, and blocks of it that were read.
pub(crate) struct FileSource<'a> {
    file: &'a File,
    size: u64,
    blocks: &'a mut Vec<u8>,
    /// Which block is held in each place, or `NONE`.
    held: [u64; HELD],
}

impl<'a> Source<'a> {
    /// A base of `size` bytes in `file`; `blocks` is working space.
    pub fn file(file: &'a File, size: u64, blocks: &'a mut Vec<u8>) -> Self {
        Self::File(FileSource { file, size, blocks, held: [NONE; HELD] })
    }

    fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(source) => source.size,
        }
    }

    /// Copies `len` bytes from `at` on. The caller has checked that they lie within the base.
    fn copy(&mut self, at: u64, len: u64, out: &mut Output<'_>) -> Result<(), Fault> {
        match self {
            Self::Memory(bytes) => out.put(&bytes[at as usize..(at + len) as usize]),
            Self::File(source) if len < SHORT_COPY => source.blocks(at, len, out),
            Self::File(source) => source.stream(at, len, out),
        }
    }
}

impl FileSource<'_> {
    fn stream(&self, mut at: u64, mut len: u64, out: &mut Output<'_>) -> Result<(), Fault> {
        while len > 0 {
            let room = out.room()?;
            let count = room.len().min(len as usize);
            self.file.read_exact_at(&mut room[..count], at).map_err(cannot_read())?;
            out.filled(count);
            at += count as u64;
            len -= count as u64;
        }
        Ok(())
    }

    fn blocks(&mut self, mut at: u64, mut len: u64, out: &mut Output<'_>) -> Result<(), Fault> {
        while len > 0 {
            let from = (at % BLOCK) as usize;
            let bytes = self.block(at / BLOCK)?;
            let count = (bytes.len() - from).min(len as usize);
            out.put(&bytes[from..from + count])?;
            at += count as u64;
            len -= count as u64;
        }
        Ok(())
    }

    /// The bytes of the block with this number, which begins within the base.
    fn block(&mut self, number: u64) -> Result<&[u8], Fault> {
        let place = number as usize % HELD;
        let start = place * BLOCK as usize;
        let end = start + BLOCK.min(self.size - number * BLOCK) as usize;
        if self.held[place] != number {
            if self.blocks.len() < end {
                self.blocks.resize(end, 0);
            }
            self.held[place] = NONE;
            let read = self.file.read_exact_at(&mut self.blocks[start..end], number * BLOCK);
            read.map_err(cannot_read())?;
            self.held[place] = number;
        }
        Ok(&self.blocks[start..end])
    }
}

fn cannot_read() -> impl FnOnce(std::io::Error) -> Fault {
    Fault::io("read back the base of a delta")
}

/// A delta whose instructions are read as they are inflated.
pub(crate) struct Delta<'a> {
    instructions: Inflate<'a>,
    buffer: &'a mut [u8],
    at: usize,
    end: usize,
    base_size: u64,
    result_size: u64,
}

impl<'a> Delta<'a> {
    /// Reads a delta's head; `buffer` is working space.
    pub fn begin(instructions: Inflate<'a>, buffer: &'a mut [u8]) -> Result<Self, Fault> {
        let mut delta = Self { instructions, buffer, at: 0, end: 0, base_size: 0, result_size: 0 };
        delta.base_size = delta.size()?;
        delta.result_size = delta.size()?;
        Ok(delta)
    }

    /// Bytes of the object that the delta makes.
    pub fn result_size(&self) -> u64 {
        self.result_size
    }

    /// Carries out the instructions, to the end of the compressed bytes.
    pub fn apply(mut self, base: &mut Source<'_>, out: &mut Output<'_>) -> Result<(), Fault> {
        if base.size() != self.base_size {
            return Err(Fault::damaged("a delta was made for a base of another size"));
        }
        while let Some(instruction) = self.next()? {
            match instruction {
                0 => return Err(Fault::damaged("a delta has an unknown instruction")),
                1..=0x7f => self.insert(usize::from(instruction), out)?,
                _ => {
                    let (at, len) = self.copy_arguments(instruction)?;
                    if at + len > self.base_size {
                        return Err(Fault::damaged("a delta copies from beyond its base"));
                    }
                    fits(len, out)?;
                    base.copy(at, len, out)?;
                }
            }
        }
        self.instructions.finish()
    }

    fn insert(&mut self, mut len: usize, out: &mut Output<'_>) -> Result<(), Fault> {
        fits(len as u64, out)?;
        while len > 0 {
            if self.at == self.end && !self.refill()? {
                return Err(Fault::damaged("a delta ends in the middle of an instruction"));
            }
            let count = len.min(self.end - self.at);
            out.put(&self.buffer[self.at..self.at + count])?;
            self.at += count;
            len -= count;
        }
        Ok(())
    }

    /// Offset and length: the low seven bits of the instruction say which of their bytes follow.
    fn copy_arguments(&mut self, instruction: u8) -> Result<(u64, u64), Fault> {
        let mut bits = 0;
        for place in 0..7 {
            if instruction & 1 << place != 0 {
                bits |= u64::from(self.byte()?) << (8 * place);
            }
        }
        let (at, len) = (bits & 0xffff_ffff, bits >> 32);
        Ok((at, if len == 0 { 0x1_0000 } else { len }))
    }

    /// A size in groups of seven bits, the lowest first.
    fn size(&mut self) -> Result<u64, Fault> {
        let (mut size, mut shift) = (0_u64, 0);
        loop {
            let next = self.byte()?;
            let bits = u64::from(next & 0x7f);
            if shift > 63 || (shift > 57 && bits >> (64 - shift) != 0) {
                return Err(Fault::damaged("a delta's size does not fit 64 bits"));
            }
            size |= bits << shift;
            shift += 7;
            if next & 0x80 == 0 {
                return Ok(size);
            }
        }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.next()?.ok_or_else(|| Fault::damaged("a delta ends in the middle of an instruction"))
    }

    fn next(&mut self) -> Result<Option<u8>, Fault> {
        if self.at == self.end && !self.refill()? {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(self.buffer[self.at - 1]))
    }

    fn refill(&mut self) -> Result<bool, Fault> {
        self.at = 0;
        self.end = self.instructions.read(self.buffer)?;
        Ok(self.end > 0)
    }
}

fn fits(len: u64, out: &Output<'_>) -> Result<(), Fault> {
    if len > out.left() {
        return Err(Fault::damaged("a delta makes more than it says"));
    }
    Ok(())
}
