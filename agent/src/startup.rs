//! When `/startupz` answers 200: the table of the design, section 3. A gateway that was synced once is
//! never kept from starting.

use std::time::Duration;

/// What the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one column of the table")]
pub struct Facts {
    /// An interrupted apply is still being finished.
    pub finishing: bool,
    /// The volume was synced before, for this very gateway.
    pub synced_before: bool,
    /// A sync has succeeded, or found nothing to do, since this program started.
    pub succeeded: bool,
    /// An attempt has failed since this program started.
    pub failed: bool,
    /// Nothing is applied on purpose: paused, held, dry run.
    pub suspended: bool,
    /// Since this program started.
    pub elapsed: Duration,
    /// `startDeadlineSeconds`.
    pub deadline: Duration,
}

/// Whether the gateway may start, and the words for people.
pub fn decide(facts: Facts) -> (bool, &'static str) {
    if facts.finishing {
        return (false, "finishing an interrupted apply");
    }
    if facts.succeeded {
        return (true, "synced");
    }
    if facts.suspended {
        return (true, "nothing is applied on purpose (paused, held or dry run); the volume starts as it is");
    }
    if !facts.synced_before {
        return (false, "waiting for the first sync of this volume");
    }
    if facts.failed {
        return (true, "the sync failed; the volume starts with what it was synced to before");
    }
    if facts.elapsed >= facts.deadline {
        return (true, "the start deadline passed; the volume starts with what it was synced to before");
    }
    (false, "syncing; the volume was synced before and starts at the latest when the start deadline passes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Facts = Facts {
        finishing: false,
        synced_before: true,
        succeeded: false,
        failed: false,
        suspended: false,
        elapsed: Duration::ZERO,
        deadline: Duration::from_secs(30),
    };

    #[test]
    fn a_volume_that_was_synced_starts_whatever_happens() {
        for (facts, expected) in [
            (START, false),
            (Facts { succeeded: true, ..START }, true),
            (Facts { failed: true, ..START }, true),
            (Facts { suspended: true, ..START }, true),
            (Facts { elapsed: Duration::from_secs(30), ..START }, true),
            (Facts { deadline: Duration::ZERO, ..START }, true),
            (Facts { finishing: true, failed: true, ..START }, false),
        ] {
            assert_eq!(decide(facts).0, expected, "{facts:?}");
        }
    }

    #[test]
    fn an_empty_volume_waits_for_its_first_sync_as_long_as_it_takes() {
        let empty = Facts { synced_before: false, ..START };
        for (facts, expected) in [
            (empty, false),
            (Facts { failed: true, ..empty }, false),
            (Facts { elapsed: Duration::from_hours(24), ..empty }, false),
            (Facts { suspended: true, ..empty }, true),
            (Facts { succeeded: true, ..empty }, true),
        ] {
            assert_eq!(decide(facts).0, expected, "{facts:?}");
        }
    }
}
