//! What is left of pods that are gone: keys of the status and rights of service accounts. They go after ten minutes,
//! so that a pod that is made anew finds both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::input::{Gone, Observed};

/// How long keys and rights outlive their pods.
pub const KEPT_FOR: Duration = Duration::from_mins(10);

/// What is gone, and what of it long enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// What has no pod now.
    pub gone: Gone,
    /// Keys to remove from the status, with their shards.
    pub expired_keys: Vec<(usize, String)>,
    /// Service accounts that keep their rights although no pod uses them now.
    pub kept_accounts: BTreeSet<String>,
    /// When to look again.
    pub again: Option<Duration>,
}

/// Judges what is left. Time is the program's own, not the clock's: a clock that jumps removes nothing.
pub fn cleanup(observed: &Observed, accounts: &BTreeSet<String>) -> Cleanup {
    let mut cleanup = Cleanup::default();
    let now = observed.uptime;
    let mut next: Option<Duration> = None;
    let mut is_over = |since: Duration| {
        let left = (since + KEPT_FOR).saturating_sub(now);
        if !left.is_zero() {
            next = Some(next.map_or(left, |next| next.min(left)));
        }
        left.is_zero()
    };
    let since = |known: &BTreeMap<String, Duration>, name: &str| known.get(name).copied().unwrap_or(now);

    let pods: BTreeSet<&str> = observed.pods.iter().map(|pod| pod.name.as_str()).collect();
    for (key, report) in observed.reports.iter().filter(|(key, _)| !pods.contains(key.as_str())) {
        let since = since(&observed.gone.keys, key);
        if is_over(since) {
            cleanup.expired_keys.push((report.shard, key.clone()));
        }
        cleanup.gone.keys.insert(key.clone(), since);
    }
    for account in observed.bound.difference(accounts) {
        let since = since(&observed.gone.accounts, account);
        if !is_over(since) {
            cleanup.kept_accounts.insert(account.clone());
        }
        cleanup.gone.accounts.insert(account.clone(), since);
    }
    cleanup.again = next;
    cleanup
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testkit::{observed, pod, report};
    use std::sync::Arc;

    fn left_behind(uptime: Duration, gone: Gone) -> Cleanup {
        let mut observed = observed();
        observed.pods = vec![Arc::new(pod("here", &[]))];
        observed.reports =
            [("here", report("{}")), ("away", report("{}"))].map(|(k, v)| (k.to_owned(), v)).into();
        observed.bound = ["used", "unused"].map(str::to_owned).into();
        observed.uptime = uptime;
        observed.gone = gone;
        cleanup(&observed, &BTreeSet::from(["used".to_owned()]))
    }

    #[test]
    fn keys_and_rights_of_pods_that_are_gone_stay_for_ten_minutes() {
        let start = Duration::from_secs(100);
        let first = left_behind(start, Gone::default());
        assert!(first.expired_keys.is_empty());
        assert_eq!(first.kept_accounts, BTreeSet::from(["unused".to_owned()]));
        assert_eq!(first.again, Some(KEPT_FOR));

        let soon = left_behind(start + Duration::from_mins(9), first.gone.clone());
        assert!(soon.expired_keys.is_empty());
        assert_eq!(soon.again, Some(Duration::from_mins(1)));

        let late = left_behind(start + KEPT_FOR, soon.gone);
        assert_eq!(late.expired_keys, [(0, "away".to_owned())]);
        assert!(late.kept_accounts.is_empty());
    }

    #[test]
    fn a_pod_that_came_back_begins_anew() {
        let first = left_behind(Duration::from_secs(100), Gone::default());
        assert!(!first.gone.keys.contains_key("here"));
    }
}
