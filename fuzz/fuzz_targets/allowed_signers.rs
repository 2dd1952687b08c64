//! An `allowed_signers` file: reading ends, an error names a line that is there, and comments change nothing but the
//! numbers. No file lets an unsigned commit in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoker_signature::{Fault, Keyring};

fuzz_target!(|file: &[u8]| {
    let read = |text: &[u8]| {
        let mut keys = Keyring::default();
        keys.add_allowed_signers(text, "allowed_signers").map(|()| keys)
    };
    let lines = file.split(|byte| *byte == b'\n').count();
    let commented = read(&[b"# first\n\n", file].concat());
    match (read(file), commented) {
        (Ok(keys), Ok(others)) => {
            assert_eq!(keys.is_empty(), others.is_empty());
            let commit = b"tree 9daeafb9864cf43055ae93beb0afd6c7d144bfa4\n\nmessage\n";
            assert!(matches!(keys.commit(&Default::default(), commit, 0), Err(Fault::Unsigned(_))));
        }
        (Err(fault), Err(other)) => {
            let line = fault.line.expect("a file of lines");
            assert!((1..=lines).contains(&line));
            assert!(other.line == Some(line + 2) || lines > 9_990, "{fault} {other}");
        }
        (one, other) => assert!(lines > 9_990, "{:?} {:?}", one.err(), other.err()),
    }
});
