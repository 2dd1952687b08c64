use std::io::BufRead;
use std::path::Path;

use stoker_object::{Kind, ObjectId};

use super::deferred::Deferred;
use super::entry::{Base, Entry, Form};
use super::fault::Fault;
use super::inflate::Inflate;
use super::input::PackInput;
use super::maker::{Found, Maker};
use super::table::{Known, OffsetTable};
use super::{Limits, PackStats};
use crate::error::Error;
use crate::store::BlobSink;
use crate::trees::TreeStore;

/// Looks at deltas that wait: so many are free, and so many more for each of them. Each pass settles
/// every chain that runs in its direction, and directions alternate, so that only a pack made to
/// waste time needs many passes.
const FREE_ATTEMPTS: u64 = 1_000_000;
const ATTEMPTS_EACH: u64 = 64;

/// A pack on its way in.
pub(super) struct Receiver<'a> {
    input: PackInput<'a>,
    table: OffsetTable,
    deferred: Deferred,
    maker: Maker<'a>,
    limits: &'a Limits,
}

impl<'a> Receiver<'a> {
    pub fn new(
        pack: &'a mut dyn BufRead,
        trees: &'a mut TreeStore,
        blobs: &'a mut dyn BlobSink,
        scratch: &Path,
        limits: &'a Limits,
    ) -> Self {
        Self {
            input: PackInput::new(pack, limits.max_pack_bytes),
            table: OffsetTable::new(scratch),
            deferred: Deferred::new(scratch),
            maker: Maker::new(trees, blobs, limits),
            limits,
        }
    }

    pub fn run(mut self) -> Result<PackStats, Error> {
        self.take_in()?;
        self.settle()?;
        Ok(PackStats { pack_bytes: self.input.offset(), ..self.maker.stats })
    }

    fn take_in(&mut self) -> Result<(), Error> {
        let count = self.input.header().map_err(|fault| self.explain(fault, 0))?;
        if count > self.limits.max_objects {
            let limit = self.limits.max_objects;
            return Err(Error::Limit { what: "the number of objects in the pack", value: count, limit });
        }
        for _ in 0..count {
            let at = self.input.offset();
            self.object(at).map_err(|fault| self.explain(fault, at))?;
        }
        let at = self.input.offset();
        self.input.checksum().map_err(|fault| self.explain(fault, at))
    }

    /// A pack that was cut off because it is too long is not a damaged one.
    fn explain(&self, fault: Fault, at: u64) -> Error {
        self.input.too_long().unwrap_or_else(|| fault.in_pack(at))
    }

    fn object(&mut self, at: u64) -> Result<(), Fault> {
        let entry = Entry::read(&mut self.input, at)?;
        let known = match entry.form {
            Form::Whole(kind) => Known::Stored(kind, self.maker.whole(kind, entry.size, &mut self.input)?),
            Form::Delta(base) => self.delta(at, base, entry.size)?,
        };
        Ok(self.table.push(at, known)?)
    }

    fn delta(&mut self, at: u64, base: Base, size: u64) -> Result<Known, Fault> {
        self.maker.admit_instructions(size)?;
        if let Some(found) = find_base(&mut self.table, &mut self.maker, base)? {
            let (kind, id) = self.maker.delta(&found, size, &mut self.input)?;
            return Ok(Known::Stored(kind, id));
        }
        let work = &mut self.maker.work;
        self.deferred.keep((at, base, size), &mut self.input, |input| {
            Inflate::new(&mut work.inflate, input, size).discard(&mut work.instructions)
        })?;
        Ok(Known::Waiting)
    }

    /// Resolves the deltas that came before their base.
    fn settle(&mut self) -> Result<(), Error> {
        let count = self.deferred.len();
        let mut left = count;
        let limit = FREE_ATTEMPTS.saturating_add(ATTEMPTS_EACH * count);
        for pass in 0.. {
            if left == 0 {
                return Ok(());
            }
            let value = count.saturating_mul(pass);
            if value > limit {
                let what = "the number of looks at deltas that come before their bases";
                return Err(Error::Limit { what, value, limit });
            }
            let before = left;
            for step in 0..count {
                let number = if pass % 2 == 0 { step } else { count - 1 - step };
                left -= u64::from(self.settle_one(number)?);
            }
            if left == before {
                return Err(self.base_that_is_missing()?);
            }
        }
        Ok(())
    }

    fn settle_one(&mut self, number: u64) -> Result<bool, Error> {
        let waiting = self.deferred.get(number)?;
        if waiting.done {
            return Ok(false);
        }
        let place = |fault: Fault| fault.in_pack(waiting.at);
        let Some(found) = find_base(&mut self.table, &mut self.maker, waiting.base).map_err(place)? else {
            return Ok(false);
        };
        let mut buffer = std::mem::take(&mut self.maker.work.section);
        let made = match self.deferred.section(waiting, &mut buffer) {
            Some(mut section) => self.maker.delta(&found, waiting.size, &mut section),
            None => Ok((Kind::Blob, ObjectId::default())),
        };
        self.maker.work.section = buffer;
        let (kind, id) = made.map_err(place)?;
        self.table.settle(waiting.at, kind, id)?;
        self.deferred.done(number, waiting)?;
        Ok(true)
    }

    /// What the deltas that are left wait for, in the end.
    fn base_that_is_missing(&self) -> Result<Error, Error> {
        for number in 0..self.deferred.len() {
            let waiting = self.deferred.get(number)?;
            if let (false, Base::Id(id)) = (waiting.done, waiting.base) {
                let what = format!("the delta's base {id} is not in the pack");
                return Ok(Error::Pack { offset: waiting.at, what });
            }
        }
        Ok(Error::Pack { offset: 0, what: "deltas have each other as bases".to_owned() })
    }
}

/// The object that a delta starts from, unless it is still to come.
fn find_base(table: &mut OffsetTable, maker: &mut Maker<'_>, base: Base) -> Result<Option<Found>, Fault> {
    match base {
        Base::Id(id) => maker.find(None, &id),
        Base::At(offset) => match table.find(offset)? {
            None => Err(Fault::damaged("a delta's base is not the beginning of an object")),
            Some(Known::Waiting) => Ok(None),
            Some(Known::Stored(kind, id)) => match maker.find(Some(kind), &id)? {
                Some(found) => Ok(Some(found)),
                None => Err(Fault::damaged(format!("the delta's base {id} was stored and is gone"))),
            },
        },
    }
}
