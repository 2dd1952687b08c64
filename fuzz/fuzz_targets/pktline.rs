//! What a server says first, and a list of refs: it ends, and an error is short and printable.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for error in stoker_git::fuzzing::read_answers(input) {
        assert!(error.chars().count() < 1000, "{error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
});
