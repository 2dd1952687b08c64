//! A path and a value, each a line, and a document: what comes out is JSON again, and it does not matter whether the document
//! is read whole or in pieces.
#![no_main]

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Result, Seek, SeekFrom};

use libfuzzer_sys::fuzz_target;
use stoker_jsonset::{Error, Patches, parse_value};

/// Gives out a few bytes at a time.
struct Trickle<'a>(Cursor<&'a [u8]>, usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

impl Seek for Trickle<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.0.seek(to)
    }
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let (Some(path), Some(value), Some(document)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(patches) = Patches::new(BTreeMap::from([(path, parse_value(value))])) else { return };
    let whole = patches.apply_to_bytes(document);
    for piece in [1, 7] {
        let mut pieces = Vec::new();
        let outcome = patches.apply(&mut Trickle(Cursor::new(document), piece), &mut pieces);
        match (&whole, outcome) {
            (Ok(whole), Ok(_)) => assert_eq!(whole, &pieces),
            (Err(whole), Err(outcome)) => {
                assert_eq!(whole.to_string(), outcome.to_string());
                assert!(pieces.is_empty(), "nothing is written for a document that cannot be patched");
            }
            (whole, outcome) => panic!("{whole:?} {outcome:?}"),
        }
    }
    if let Ok(patched) = whole {
        let again = patches.apply_to_bytes(&patched);
        assert!(!matches!(again, Err(Error::Syntax { .. })), "{again:?}");
    }
});
