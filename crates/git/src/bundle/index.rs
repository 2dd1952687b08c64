//! The index of a bundle's pack, made in one pass and a look at each delta, so that the bundle is read where it lies as
//! any other pack: in the format of git's own indexes, with offsets into the bundle.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use flate2::Decompress;
use stoker_object::{FastHasher, Hasher, ObjectId};

use crate::Error;
use crate::pack::Limits;
use crate::pack::entry::{Entry, Form};
use crate::pack::fault::Fault;
use crate::pack::inflate::Inflate;
use crate::pack::records::Records;
use crate::pack::scratch::scratch_file;
use crate::pack::section::Section;

/// Magic, version, and the fan-out table.
const HEADER: u64 = 8 + 256 * 4;
/// Two checksums; the first one, of the pack, is left out.
const TRAILER: u64 = 40;
/// Where an object begins, and its id.
const RECORD: usize = 28;
const LARGE: u64 = 1 << 31;
const WAITING: ObjectId = ObjectId::from_bytes([0; 20]);

/// A bundle's pack, on its way to an index.
pub(crate) struct Source<'a> {
    pub file: &'a File,
    /// How the bundle is named in errors.
    pub path: &'a Path,
    /// Where the pack begins, and where its last object ends.
    pub pack: std::ops::Range<u64>,
}

/// Writes the index of a pack to `target`. `id_at` makes an object that is a delta, by where it begins.
pub(crate) fn write(
    source: &Source<'_>,
    target: &Path,
    scratch: &Path,
    limits: &Limits,
    id_at: &mut dyn FnMut(u64) -> Result<ObjectId, Error>,
) -> Result<(), Error> {
    let mut records = scan(source, scratch, limits)?;
    for number in 0..records.len() {
        let mut record = records.get(number)?;
        if record[8..] == *WAITING.as_bytes() {
            let at = u64::from_be_bytes(record[..8].try_into().unwrap_or_default());
            record[8..].copy_from_slice(id_at(at)?.as_bytes());
            records.set(number, record)?;
        }
    }
    sorted(&records, target, scratch)
}

/// Goes through the pack once; ids of what is stored whole are known then.
fn scan(source: &Source<'_>, scratch: &Path, limits: &Limits) -> Result<Records<RECORD>, Error> {
    let (mut buffer, mut state, mut chunk) = (Vec::new(), Decompress::new(true), vec![0; 32 << 10]);
    let mut head = [0; 12];
    let damaged =
        |what: &str| Error::Corrupt(format!("{} {what}: make the bundle anew", source.path.display()));
    source.file.read_exact_at(&mut head, source.pack.start).map_err(|_| damaged("holds no pack"))?;
    let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, count @ ..] = head else {
        return Err(damaged("holds no pack"));
    };
    let count = u64::from(u32::from_be_bytes(count));
    if count > limits.max_objects {
        return Err(Error::Limit {
            what: "the number of objects in the bundle",
            value: count,
            limit: limits.max_objects,
        });
    }
    let mut records = Records::new(scratch);
    let mut section = Section::new(source.file, source.pack.start + 12, source.pack.end, &mut buffer);
    for _ in 0..count {
        let at = section.position();
        let mut one = || -> Result<ObjectId, Fault> {
            let entry = Entry::read(&mut section, at)?;
            let mut inflate = Inflate::new(&mut state, &mut section, entry.size);
            let Form::Whole(kind) = entry.form else {
                inflate.discard(&mut chunk)?;
                return Ok(WAITING);
            };
            let mut hasher = Hasher::new(kind, entry.size);
            loop {
                match inflate.read(&mut chunk)? {
                    0 => break,
                    got => hasher.update(&chunk[..got]),
                }
            }
            inflate.finish()?;
            hasher.finish().map_err(|collision| Fault::damaged(collision.to_string()))
        };
        let id = one().map_err(|fault| fault.in_file(source.path, at))?;
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&at.to_be_bytes());
        record[8..].copy_from_slice(id.as_bytes());
        records.push(record)?;
    }
    Ok(records)
}

/// Sorts by id, one first byte of them after the other, and writes the tables.
fn sorted(records: &Records<RECORD>, target: &Path, scratch: &Path) -> Result<(), Error> {
    let failed = |error| Error::io(format!("write {}", target.display()), error);
    let mut counts = [0_u64; 256];
    for number in 0..records.len() {
        counts[usize::from(records.get(number)?[8])] += 1;
    }
    let mut places = [0_u64; 256];
    for first in 1..256 {
        places[first] = places[first - 1] + counts[first - 1];
    }
    let buckets = scratch_file(scratch)?;
    let mut next = places;
    for number in 0..records.len() {
        let record = records.get(number)?;
        let place = &mut next[usize::from(record[8])];
        buckets.write_all_at(&record, *place * RECORD as u64).map_err(failed)?;
        *place += 1;
    }
    let total = records.len();
    let open = |at: u64| -> std::io::Result<BufWriter<File>> {
        let mut file = File::options().write(true).open(target)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(BufWriter::new(file))
    };
    let write = || -> std::io::Result<u64> {
        let mut file = File::create(target)?;
        file.write_all(b"\xfftOc\0\0\0\x02")?;
        for end in next {
            file.write_all(&(end as u32).to_be_bytes())?;
        }
        let (mut ids, mut offsets) = (open(HEADER)?, open(HEADER + 24 * total)?);
        let mut large_offsets = open(HEADER + 28 * total)?;
        let mut large = 0_u32;
        for first in 0..256 {
            let mut bucket = vec![0; (counts[first] as usize) * RECORD];
            buckets.read_exact_at(&mut bucket, places[first] * RECORD as u64)?;
            let (all, _) = bucket.as_chunks_mut::<RECORD>();
            all.sort_unstable_by(|a, b| a[8..].cmp(&b[8..]));
            for record in all {
                ids.write_all(&record[8..])?;
                let at = u64::from_be_bytes(record[..8].try_into().unwrap_or_default());
                if at < LARGE {
                    offsets.write_all(&(at as u32).to_be_bytes())?;
                } else {
                    offsets.write_all(&(large | 0x8000_0000).to_be_bytes())?;
                    large_offsets.write_all(&at.to_be_bytes())?;
                    large += 1;
                }
            }
        }
        ids.flush()?;
        offsets.flush()?;
        large_offsets.flush()?;
        Ok(HEADER + 28 * total + 8 * u64::from(large))
    };
    let end = write().map_err(failed)?;
    let file = File::options().read(true).write(true).open(target).map_err(failed)?;
    file.set_len(end + TRAILER).map_err(failed)?;
    let sum = checksum(&file, end + TRAILER - 20).map_err(failed)?;
    file.write_all_at(sum.as_bytes(), end + TRAILER - 20).map_err(failed)
}

/// Whether an index is as it was written.
pub(crate) fn is_whole(path: &Path) -> bool {
    let check = || -> std::io::Result<bool> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let Some(end) = length.checked_sub(20).filter(|_| length >= HEADER + TRAILER) else {
            return Ok(false);
        };
        let mut found = [0; 20];
        file.read_exact_at(&mut found, end)?;
        Ok(checksum(&file, end)?.as_bytes() == &found)
    };
    check().unwrap_or(false)
}

fn checksum(file: &File, end: u64) -> std::io::Result<ObjectId> {
    let (mut sum, mut buffer, mut at) = (FastHasher::checksum(), vec![0; 32 << 10], 0);
    while at < end {
        let wanted = buffer.len().min((end - at) as usize);
        file.read_exact_at(&mut buffer[..wanted], at)?;
        sum.update(&buffer[..wanted]);
        at += wanted as u64;
    }
    Ok(sum.finish())
}
