//! A pattern, a line, and a path: it compiles or it does not, matching ends, and a directory that is excluded whole has
//! nothing in it that is not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoker_glob::{PathFilter, Pattern};

fuzz_target!(|input: &str| {
    let (pattern, path) = input.split_once('\n').unwrap_or((input, ""));
    let (compiled, filter) = (Pattern::new(pattern), PathFilter::new([pattern]));
    assert_eq!(compiled.is_ok(), filter.is_ok(), "{pattern:?}");
    let (Ok(compiled), Ok(filter)) = (compiled, filter) else { return };
    let matches = compiled.matches(path);
    assert_eq!(matches, compiled.matches(path));
    if path.split('/').any(str::is_empty) {
        return; // no path of a tree
    }
    let mut above = String::new();
    for name in path.split('/') {
        if !above.is_empty() && filter.excludes_whole_directory(&above) {
            assert!(filter.excluded(path, false), "{pattern:?} excludes all of {above:?}, but not {path:?}");
        }
        if !above.is_empty() {
            above.push('/');
        }
        above.push_str(name);
    }
});
