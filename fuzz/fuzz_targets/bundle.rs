//! The head of a bundle: reading ends, an error is one short printable line, and what follows the head changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let first = stoker_git::fuzzing::read_bundle_head(input);
    match &first {
        Ok((length, refs)) => {
            let length = usize::try_from(*length).expect("it fits");
            assert!(input[..length].ends_with(b"\n") && *refs <= length / 41);
            // Only the head is read.
            assert_eq!(stoker_git::fuzzing::read_bundle_head(&input[..length]), first);
        }
        Err(error) => {
            assert!(error.chars().count() < 1000, "{error}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }
});
