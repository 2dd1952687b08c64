//! Times as the status says them.

use std::time::Duration;

/// Now, RFC 3339 in UTC, to the second.
pub fn now() -> String {
    at(jiff::Timestamp::now().as_second())
}

/// A time in milliseconds since 1970, RFC 3339 in UTC, to the second.
pub fn of_millis(millis: u64) -> String {
    at(i64::try_from(millis / 1000).unwrap_or(0))
}

fn at(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}

/// `2.5s`, as Go writes durations, to the millisecond.
pub fn duration(duration: Duration) -> String {
    stoker_api::duration::format(Duration::from_millis(duration.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(of_millis(1_764_000_000_999), "2025-11-24T16:00:00Z");
        assert_eq!(duration(Duration::from_micros(2_500_400)), "2.5s");
    }
}
