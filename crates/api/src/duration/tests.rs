use super::*;

const H: u64 = 3_600_000_000_000;
const M: u64 = 60_000_000_000;
const S: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
const US: u64 = 1_000;

#[test]
fn durations_are_read_as_go_reads_them() {
    // The table of Go's own `TestParseDuration`, without its negative rows.
    let table: &[(&str, u64)] = &[
        ("0", 0),
        ("5s", 5 * S),
        ("30s", 30 * S),
        ("1478s", 1478 * S),
        ("+5s", 5 * S),
        ("+0", 0),
        ("5.0s", 5 * S),
        ("5.6s", 5 * S + 600 * MS),
        ("5.s", 5 * S),
        (".5s", 500 * MS),
        ("1.0s", S),
        ("1.00s", S),
        ("1.004s", S + 4 * MS),
        ("1.0040s", S + 4 * MS),
        ("100.00100s", 100 * S + MS),
        ("10ns", 10),
        ("11us", 11 * US),
        ("12\u{b5}s", 12 * US),
        ("12\u{3bc}s", 12 * US),
        ("13ms", 13 * MS),
        ("14s", 14 * S),
        ("15m", 15 * M),
        ("16h", 16 * H),
        ("3h30m", 3 * H + 30 * M),
        ("10.5s4m", 4 * M + 10 * S + 500 * MS),
        ("1h2m3s4ms5us6ns", H + 2 * M + 3 * S + 4 * MS + 5 * US + 6),
        ("39h9m14.425s", 39 * H + 9 * M + 14 * S + 425 * MS),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * M),
        ("9007199254740993ns", (1 << 53) + 1),
        ("9223372036854775807ns", MAX_NANOS),
        ("9223372036854775.807us", MAX_NANOS),
        ("9223372036s854ms775us807ns", MAX_NANOS),
        ("0.100000000000000000000h", 6 * M),
        ("0.830103483285477580700h", 49 * M + 48 * S + 372_539_827),
    ];
    for (text, nanos) in table {
        assert_eq!(parse(text), Ok(Duration::from_nanos(*nanos)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_the_remedy() {
    let malformed = |text: &str| {
        format!(
            "{text:?} is not a duration; write numbers with units (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\""
        )
    };
    for text in ["", ".", ".s", "+", "+.s", "s", "1h30", "1.5h.", "five seconds", "1h 30m"] {
        let error = parse(text).expect_err(text).to_string();
        if text != "1h 30m" {
            assert_eq!(error, malformed(text));
        }
    }
    let table = [
        ("3", "\"3\" has no unit; write for example \"3s\" for seconds"),
        ("-5s", "\"-5s\" is negative; a duration here is zero or longer"),
        ("-0", "\"-0\" is negative; a duration here is zero or longer"),
        ("1d", "\"1d\" has the unknown unit \"d\"; known units are ns, us, ms, s, m, h"),
        ("5S", "\"5S\" has the unknown unit \"S\"; known units are ns, us, ms, s, m, h"),
        ("1h 30m", "\"1h 30m\" has the unknown unit \"h \"; known units are ns, us, ms, s, m, h"),
        (
            "9223372036854775808ns",
            "\"9223372036854775808ns\" is longer than 2562047h (292 years), the longest duration there is",
        ),
        ("3000000h", "\"3000000h\" is longer than 2562047h (292 years), the longest duration there is"),
        (
            "99999999999999999999h",
            "\"99999999999999999999h\" is longer than 2562047h (292 years), the longest duration there is",
        ),
    ];
    for (text, message) in table {
        assert_eq!(parse(text).expect_err(text).to_string(), message);
    }
}

#[test]
fn durations_are_written_as_go_writes_them() {
    let table: &[(u64, &str)] = &[
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1\u{b5}s"),
        (2_200_000, "2.2ms"),
        (350_000_000, "350ms"),
        (2_500_000_000, "2.5s"),
        (3_300_000_000, "3.3s"),
        (59_999_999_999, "59.999999999s"),
        (60 * S, "1m0s"),
        (4 * M + 5 * S, "4m5s"),
        (4 * M + 5 * S + MS, "4m5.001s"),
        (5 * H + 6 * M + 7 * S + MS, "5h6m7.001s"),
        (8 * M + 1, "8m0.000000001s"),
        (100 * H, "100h0m0s"),
        (MAX_NANOS, "2562047h47m16.854775807s"),
    ];
    for (nanos, text) in table {
        assert_eq!(format(Duration::from_nanos(*nanos)), *text);
        assert_eq!(parse(text), Ok(Duration::from_nanos(*nanos)), "what is written can be read: {text}");
    }
    assert_eq!(format(Duration::MAX), "2562047h47m16.854775807s", "capped, never wrapped");
}

#[test]
fn a_duration_is_shown_as_its_author_wrote_it() {
    let duration: GoDuration = serde_json::from_str("\"60s\"").unwrap();
    assert_eq!(duration.get(), Duration::from_mins(1));
    assert_eq!(duration.to_string(), "60s");
    assert_eq!(serde_json::to_string(&duration).unwrap(), "\"60s\"");
    assert_eq!(GoDuration::from_seconds(60), duration);
}
