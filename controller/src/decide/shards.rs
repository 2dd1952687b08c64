//! Which status `ConfigMap` each gateway writes to. Beyond 200 gateways the keys spread over several, so that no object
//! passes 256 KiB and no agent's write rewrites the fleet.

use std::collections::BTreeMap;

use stoker_api::names::objects;

/// Gateways for one status `ConfigMap`: 200 entries of 1 KiB are 200 KiB.
pub const PER_SHARD: usize = 200;

/// The shard of each pod, and how many shards there are. Pods stay where they are; new ones fill the first free place.
///
/// `current` gives the shard that a pod was told before, or reports in.
pub fn assign<'a>(
    pods: impl Iterator<Item = &'a str> + Clone,
    current: impl Fn(&str) -> Option<usize>,
) -> (BTreeMap<&'a str, usize>, usize) {
    let mut assigned = BTreeMap::new();
    let mut filled: Vec<usize> = vec![0];
    let mut take = |shard: usize| {
        if filled.len() <= shard {
            filled.resize(shard + 1, 0);
        }
        filled[shard] += 1;
        filled[shard] <= PER_SHARD
    };
    let mut homeless = Vec::new();
    for pod in pods {
        match current(pod) {
            Some(shard) if shard < MOST && take(shard) => _ = assigned.insert(pod, shard),
            _ => homeless.push(pod),
        }
    }
    // An overfilled shard counted one too many for each pod that it turned away.
    for count in &mut filled {
        *count = (*count).min(PER_SHARD);
    }
    for pod in homeless {
        let shard = filled.iter().position(|count| *count < PER_SHARD).unwrap_or(filled.len());
        if shard == filled.len() {
            filled.push(0);
        }
        filled[shard] += 1;
        assigned.insert(pod, shard);
    }
    let shards = filled.iter().rposition(|count| *count > 0).map_or(1, |last| last + 1);
    (assigned, shards)
}

/// No estate has more gateways than a hundred shards hold; a number beyond is somebody's invention.
const MOST: usize = 100;

/// The number of a status `ConfigMap` by its name.
pub fn number(cr: &str, map: &str) -> Option<usize> {
    let digits = map.strip_prefix("stoker-status")?.strip_suffix(cr)?.strip_suffix('-')?;
    let shard = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (shard < MOST && objects::status_shard(cr, shard) == map).then_some(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("gw-{n:04}")).collect()
    }

    #[test]
    fn up_to_200_gateways_share_the_first() {
        let names = names(200);
        let (assigned, shards) = assign(names.iter().map(String::as_str), |_| None);
        assert_eq!(shards, 1);
        assert!(assigned.values().all(|shard| *shard == 0));
    }

    #[test]
    fn beyond_200_they_spread_and_no_shard_holds_more() {
        let names = names(1000);
        let (assigned, shards) = assign(names.iter().map(String::as_str), |_| None);
        assert_eq!(shards, 5);
        for shard in 0..5 {
            assert_eq!(assigned.values().filter(|at| **at == shard).count(), PER_SHARD);
        }
    }

    #[test]
    fn a_gateway_stays_where_it_is_when_others_come_and_go() {
        let all = names(450);
        let (before, _) = assign(all.iter().map(String::as_str), |_| None);
        let fewer: Vec<&str> = all.iter().map(String::as_str).filter(|name| !name.ends_with('7')).collect();
        let (after, _) = assign(fewer.iter().copied(), |pod| before.get(pod).copied());
        assert!(after.iter().all(|(pod, shard)| before[pod] == *shard));
        let (with_new, _) = assign(fewer.iter().copied().chain(["new"]), |pod| after.get(pod).copied());
        assert_eq!(with_new["new"], 0);
    }

    #[test]
    fn names_of_shards_are_read_back() {
        assert_eq!(number("plant", "stoker-status-plant"), Some(0));
        assert_eq!(number("plant", "stoker-status2-plant"), Some(2));
        assert_eq!(number("plant", "stoker-status02-plant"), None);
        assert_eq!(number("plant", "stoker-status-other-plant"), None);
        assert_eq!(number("2-plant", "stoker-status2-plant"), None);
    }
}
