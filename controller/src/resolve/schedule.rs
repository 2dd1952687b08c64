//! When a repository is looked at next. Pure: times come in, times go out.

use std::time::Duration;

/// The first retry comes within two seconds.
const FIRST_RETRY: Duration = Duration::from_millis(1500);
/// No server is left alone for longer, however long it has been away.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Between two looks that pushes asked for.
pub const BETWEEN_PUSHES: Duration = Duration::from_millis(250);
/// A ref that does not exist is asked for again at least so often where nobody polls.
const WITHOUT_POLLING: Duration = Duration::from_mins(1);

/// How the last look went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every ref was answered with a commit.
    Answered,
    /// The server answered that some ref does not exist.
    RefMissing,
    /// No answer; the server may have asked for a pause.
    Failed { pause: Option<Duration> },
    /// Nothing but an edit of the resource can help (a refused URL): asked again as if all were well.
    Hopeless,
}

/// The pause until the next look; `None` where nobody polls and nothing has to be retried.
///
/// `interval` is the shortest of those who follow this repository, `failures` counts the looks without success so far,
/// this one included, `chance` is from 0 to 1.
pub fn pause(outcome: Outcome, interval: Option<Duration>, failures: u32, chance: f64) -> Option<Duration> {
    let retry = || {
        let doubled =
            FIRST_RETRY.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        // From three quarters to five quarters, so that what fell together does not come back together.
        doubled.min(LONGEST_PAUSE).mul_f64(0.75 + chance / 2.0)
    };
    match outcome {
        Outcome::Answered | Outcome::Hopeless => interval.map(|interval| jittered(interval, chance)),
        Outcome::RefMissing => {
            let most = interval.unwrap_or(WITHOUT_POLLING);
            Some(retry().min(jittered(most, chance)))
        }
        Outcome::Failed { pause } => Some(retry().max(pause.unwrap_or_default().min(LONGEST_PAUSE))),
    }
}

/// A twentieth more or less.
fn jittered(interval: Duration, chance: f64) -> Duration {
    interval.mul_f64(0.95 + chance / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Option<Duration> = Some(Duration::from_mins(1));
    const FAILED: Outcome = Outcome::Failed { pause: None };

    #[test]
    fn the_first_retry_comes_within_two_seconds_then_ever_later_up_to_five_minutes() {
        for chance in [0.0, 0.5, 1.0] {
            let first = pause(FAILED, MINUTE, 1, chance).unwrap();
            assert!(first <= Duration::from_secs(2) && first >= Duration::from_secs(1), "{first:?}");
            let mut last = Duration::ZERO;
            for failures in 1..40 {
                let next = pause(FAILED, MINUTE, failures, chance).unwrap();
                assert!(next >= last && next <= LONGEST_PAUSE.mul_f64(1.25));
                last = next;
            }
        }
    }

    #[test]
    fn an_answer_is_asked_for_again_after_the_interval_and_never_where_nobody_polls() {
        let next = pause(Outcome::Answered, MINUTE, 0, 0.3).unwrap();
        assert!((57..=63).contains(&next.as_secs()), "{next:?}");
        assert_eq!(pause(Outcome::Answered, None, 0, 0.3), None);
        assert_eq!(pause(Outcome::Hopeless, None, 7, 0.3), None);
    }

    #[test]
    fn a_missing_ref_is_asked_for_soon_and_then_once_an_interval() {
        assert!(pause(Outcome::RefMissing, MINUTE, 1, 0.5).unwrap() < Duration::from_secs(2));
        assert!(pause(Outcome::RefMissing, MINUTE, 30, 0.5).unwrap() <= Duration::from_secs(63));
        assert!(pause(Outcome::RefMissing, None, 30, 0.5).is_some());
    }

    #[test]
    fn a_pause_that_the_server_asks_for_is_kept() {
        let asked = Outcome::Failed { pause: Some(Duration::from_secs(40)) };
        assert!(pause(asked, MINUTE, 1, 0.5).unwrap() >= Duration::from_secs(40));
        let absurd = Outcome::Failed { pause: Some(Duration::from_hours(20)) };
        assert!(pause(absurd, MINUTE, 1, 0.5).unwrap() <= LONGEST_PAUSE);
    }
}
