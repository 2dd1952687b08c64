//! Any bytes as a template: it parses or it does not, it ends within its limits, and errors point into the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use stoker_gotemplate::{Limits, Map, Struct, Template, Value};

/// Small enough for thousands of runs a second.
const LIMITS: Limits = Limits { bytes: 1 << 16, steps: 20_000, depth: 50 };

static DATA: LazyLock<Value> = LazyLock::new(|| {
    Value::Struct(Struct::new(
        "Context",
        [
            ("GatewayName", Value::from("line-7")),
            ("PodOrdinal", Value::Int(2)),
            ("Labels", Value::Map(Map::of_strings([("app", "ignition"), ("a.b/c", "")]))),
            ("Vars", Value::Map(Map::of_strings([("site", "north"), ("x", "1 < 2 & \"3\"")]))),
            ("List", Value::List(vec![Value::Int(-1), Value::Float(2.5), Value::Bool(true), Value::Nil])),
            ("Map", Value::Map(Map::of_values([("k", Value::from("é\u{0}\u{feff}"))]))),
        ],
    ))
});

fuzz_target!(|text: &[u8]| {
    let check = |error: &dyn std::fmt::Display| {
        let message = error.to_string();
        let line = message.strip_prefix("f:").and_then(|rest| rest.split(':').next());
        let line: usize = line.and_then(|line| line.parse().ok()).expect("an error says its line");
        assert!((1..=1 + text.iter().filter(|byte| **byte == b'\n').count()).contains(&line), "{message}");
    };
    let template = match Template::parse("f", text) {
        Ok(template) => template,
        Err(error) => return check(&error),
    };
    let mut output = Vec::new();
    if let Err(error) = template.render(&DATA, &LIMITS, &mut output) {
        check(&error);
    }
    assert!(output.len() as u64 <= LIMITS.bytes);
});
