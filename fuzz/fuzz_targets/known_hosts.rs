//! A host's name, a port's two bytes, a key's line, and a `known_hosts` file: whatever the file holds, it is read in time,
//! and a file that is read again, or has more lines that say nothing, says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoker_git::known_hosts::{Host, KnownHosts, Verdict, describe};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let (Some(name), Some(key), Some(file)) = (parts.next(), parts.next(), parts.next()) else { return };
    let Ok(name) = std::str::from_utf8(name) else { return };
    let known = KnownHosts::new(file);
    for port in [22, 2222] {
        let host = Host::new(name, port);
        let verdict = known.judge(&host, key);
        // A comment, an empty line and a line that is none change nothing but the numbers.
        let more = KnownHosts::new([b"# x\n\nnothing\n", file, b"\n#"].concat());
        match (&verdict, more.judge(&host, key)) {
            (Verdict::Changed(some), Verdict::Changed(others)) => assert_eq!(some.len(), others.len()),
            (Verdict::Revoked { line }, Verdict::Revoked { line: later }) => assert_eq!(line + 3, later),
            (verdict, other) => assert_eq!(*verdict, other),
        }
        // What is revoked is never trusted, and what is an authority is no host's key by that alone.
        if known.revokes(&host, key).is_some() {
            assert!(matches!(verdict, Verdict::Revoked { .. }));
        }
        assert!(verdict != Verdict::Trusted || !known.key_types(&host).is_empty());
        assert!(known.authorities(&host).len() <= file.len());
        let lines = file.split(|byte| *byte == b'\n').count();
        assert!(known.unreadable().iter().all(|line| (1..=lines).contains(line)));
    }
    assert!(describe(key).contains(" SHA256:"));
});
