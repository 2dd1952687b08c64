use std::io::{self, BufRead};

use stoker_object::{Kind, ObjectId};

use super::fault::Fault;

/// The head of one object in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// How the object is written down.
    pub form: Form,
    /// Bytes that follow once inflated: the object's own, or those of the delta's instructions.
    pub size: u64,
}

/// How an object is written down in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Its own bytes.
    Whole(Kind),
    /// Instructions that make it from another object.
    Delta(Base),
}

/// What a delta starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The object that begins at this byte of the same pack.
    At(u64),
    /// The object with this id, in the pack or outside it.
    Id(ObjectId),
}

impl Entry {
    /// Reads the head of the object that begins at byte `at` of the pack.
    pub fn read(input: &mut dyn BufRead, at: u64) -> Result<Self, Fault> {
        let first = byte(input)?;
        let (mut size, mut shift, mut more) = (u64::from(first & 15), 4, first & 0x80 != 0);
        while more {
            let next = byte(input)?;
            let bits = u64::from(next & 0x7f);
            if shift > 57 && bits >> (64 - shift) != 0 {
                return Err(Fault::damaged("an object's size does not fit 64 bits"));
            }
            size |= bits << shift;
            shift += 7;
            more = next & 0x80 != 0;
            if more && shift > 63 {
                return Err(Fault::damaged("an object's size does not end"));
            }
        }
        let form = match (first >> 4 & 7, kind_of(first >> 4 & 7)) {
            (_, Some(kind)) => Form::Whole(kind),
            (6, _) => Form::Delta(Base::At(base_offset(input, at)?)),
            (7, _) => Form::Delta(Base::Id(base_id(input)?)),
            (other, _) => return Err(Fault::damaged(format!("an object has the unknown type {other}"))),
        };
        Ok(Self { form, size })
    }
}

/// The number that a pack (and what we write ourselves) has for a kind.
pub(crate) fn code_of(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

/// The kind that has this number.
pub(crate) fn kind_of(code: u8) -> Option<Kind> {
    [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag].into_iter().find(|kind| code_of(*kind) == code)
}

/// The distance back to a base, in git's own variable-length form: each continued group adds one, so
/// that no distance has two spellings.
fn base_offset(input: &mut dyn BufRead, at: u64) -> Result<u64, Fault> {
    let mut next = byte(input)?;
    let mut distance = u64::from(next & 0x7f);
    while next & 0x80 != 0 {
        next = byte(input)?;
        distance = distance
            .checked_add(1)
            .filter(|value| *value < 1 << 57)
            .map(|value| value << 7 | u64::from(next & 0x7f))
            .ok_or_else(|| Fault::damaged("a delta's distance to its base does not fit 64 bits"))?;
    }
    match at.checked_sub(distance) {
        Some(base) if distance > 0 => Ok(base),
        _ => Err(Fault::damaged("a delta's base lies outside the pack")),
    }
}

fn base_id(input: &mut dyn BufRead) -> Result<ObjectId, Fault> {
    let mut id = [0; 20];
    for place in &mut id {
        *place = byte(input)?;
    }
    Ok(ObjectId::from_bytes(id))
}

fn byte(input: &mut dyn BufRead) -> Result<u8, Fault> {
    let Some(byte) = fill(input)?.first().copied() else {
        return Err(Fault::damaged("it ends in the middle"));
    };
    input.consume(1);
    Ok(byte)
}

/// What `input` has ready; empty only at its end.
pub(crate) fn fill(input: &mut dyn BufRead) -> Result<&[u8], Fault> {
    // Twice, because a slice cannot be returned out of the loop that an interrupted call needs.
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(Fault::Read(error));
        }
    }
    input.fill_buf().map_err(Fault::Read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], at: u64) -> Result<Entry, Fault> {
        Entry::read(&mut &*bytes, at)
    }

    #[test]
    fn sizes_of_every_length_are_read() {
        assert_eq!(read(&[0x30 | 5], 12).unwrap(), Entry { form: Form::Whole(Kind::Blob), size: 5 });
        assert_eq!(read(&[0x90 | 5, 2], 12).unwrap(), Entry { form: Form::Whole(Kind::Commit), size: 37 });
        let longest = [0xaf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(read(&longest, 12).unwrap(), Entry { form: Form::Whole(Kind::Tree), size: u64::MAX });
    }

    #[test]
    fn a_size_beyond_64_bits_is_refused() {
        for tail in [vec![0x1f], vec![0x8f, 0x00], vec![0x80; 40]] {
            let mut bytes = vec![0xaf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
            bytes.extend_from_slice(&tail);
            assert!(matches!(read(&bytes, 12), Err(Fault::Damaged(_))), "{tail:?}");
        }
    }

    #[test]
    fn a_distance_counts_back_from_the_object() {
        // 0x80 0x00 is 128: the second group begins where one byte ends.
        assert_eq!(read(&[0x61, 0x80, 0x00], 200).unwrap().form, Form::Delta(Base::At(72)));
        assert_eq!(read(&[0x61, 0x05], 200).unwrap().form, Form::Delta(Base::At(195)));
    }

    #[test]
    fn a_base_outside_the_pack_is_refused() {
        for distance in [vec![0x00], vec![0x7f], vec![0xff; 30]] {
            let mut bytes = vec![0x61];
            bytes.extend_from_slice(&distance);
            assert!(matches!(read(&bytes, 100), Err(Fault::Damaged(_))), "{distance:?}");
        }
    }

    #[test]
    fn types_that_git_does_not_use_are_refused() {
        for first in [0x00, 0x50] {
            assert!(matches!(read(&[first], 12), Err(Fault::Damaged(_))), "{first}");
        }
    }
}
