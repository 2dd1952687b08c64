//! Headers and the body of a push: nobody gets in without a secret, and what is asked for are refs that can be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoker_webhook::receiver::{Asked, Event, Keys, Presented, Secret, recognise};

fuzz_target!(|input: &[u8]| {
    let end = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((&b""[..], input), |end| (&input[..end], &input[end + 2..]));
    let header = |name: &'static str| {
        let lines = head.split(|byte| *byte == b'\n');
        lines.filter_map(|line| line.split_at_checked(name.len())).find_map(|(known, value)| {
            Some(value.strip_prefix(b": ")?).filter(|_| known.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    let presented = Presented::of(header);
    assert_eq!(presented.proves(&Keys::default(), body), None);
    // Sixteen bytes that a fuzzer cannot know, short of reading memory: HMACs of them it cannot make.
    let secret: Secret = std::process::id().to_be_bytes().repeat(4).into();
    let keys = Keys { hmac: Some(secret), token: None };
    assert_eq!(presented.proves(&keys, body), None);
    let event = Event::of(header);
    _ = event.is_ping();
    let Ok((_, asked)) = recognise(event, body) else { return };
    let references: Vec<&str> = match &asked {
        Asked::Want { reference } => vec![reference],
        Asked::Pushed(pushed) => pushed.iter().map(|pushed| pushed.reference.as_str()).collect(),
        Asked::Nothing(_) => Vec::new(),
    };
    for reference in references {
        assert!((1..=255).contains(&reference.len()) && !reference.contains(".."), "{reference:?}");
        assert!(!reference.chars().any(|c| c.is_control() || c == ' '), "{reference:?}");
    }
});
