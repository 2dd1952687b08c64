//! Keeping a resource's status small: it is one object in etcd, rewritten whole, and read by every `kubectl get`.

use stoker_api::observed::{MAX_ERROR_BYTES as MESSAGE, MAX_PATHS as PATHS, MAX_PROJECTS as PROJECTS};
use stoker_api::status::{PathList, SyncStatus};

use super::document::{Gateway, ResourceStatus};
use crate::text::cut;

/// What a status may take up, in bytes of its JSON.
pub const MOST_BYTES: usize = 512 * 1024;

const TEXT: usize = 128;

/// Bounds each gateway, then takes details away until the whole fits: first from gateways that are synced, at last
/// from all. Where a gateway stands, and its counts, stay.
pub fn trim(status: &mut ResourceStatus) {
    trim_to(status, MOST_BYTES);
}

fn trim_to(status: &mut ResourceStatus, most: usize) {
    status.discovered_gateways.iter_mut().for_each(bound);
    if size(status) <= most {
        return;
    }
    for only_synced in [true, false] {
        for gateway in &mut status.discovered_gateways {
            if !only_synced || gateway.sync_status == SyncStatus::Synced {
                bare(gateway);
            }
        }
        if size(status) <= most {
            return;
        }
    }
    // Tens of thousands of gateways of one resource: the counts in the conditions are still of all.
    let each = size(status) / status.discovered_gateways.len().max(1) + 1;
    status.discovered_gateways.truncate(most * 9 / 10 / each);
}

fn bound(gateway: &mut Gateway) {
    let texts = [
        &mut gateway.last_sync_duration,
        &mut gateway.synced_commit,
        &mut gateway.synced_ref,
        &mut gateway.agent_version,
        &mut gateway.last_scan_result,
        &mut gateway.rolled_back_from,
        &mut gateway.previous_commit,
    ];
    for text in texts.into_iter().flatten() {
        *text = cut(text, TEXT);
    }
    if let Some(message) = &mut gateway.error_message {
        *message = cut_bytes(message, MESSAGE);
    }
    if let Some(held) = &mut gateway.held {
        held.reason = cut(&held.reason, TEXT);
        held.since = cut(&held.since, 40);
    }
    for list in [&mut gateway.drift, &mut gateway.unmanaged] {
        list.paths.truncate(PATHS);
        list.paths.iter_mut().for_each(|path| *path = cut(path, TEXT));
    }
    gateway.restart_required.truncate(PATHS);
    gateway.projects_synced.truncate(PROJECTS);
    for text in gateway.restart_required.iter_mut().chain(&mut gateway.projects_synced) {
        *text = cut(text, TEXT);
    }
}

/// As much of the front as fits so many bytes.
fn cut_bytes(text: &str, most: usize) -> String {
    let mut shown = cut(text, most);
    while shown.len() > most {
        shown.pop();
    }
    shown
}

/// Without details, but for what says that something is amiss.
fn bare(gateway: &mut Gateway) {
    let taken = std::mem::take(gateway);
    let count = |list: PathList| PathList { count: list.count, paths: Vec::new() };
    *gateway = Gateway {
        name: taken.name,
        namespace: taken.namespace,
        pod_name: taken.pod_name,
        sync_status: taken.sync_status,
        synced_commit: taken.synced_commit,
        error_message: taken.error_message.map(|message| cut_bytes(&message, 64)),
        drift: count(taken.drift),
        held: taken.held,
        rolled_back_from: taken.rolled_back_from,
        agent_outdated: taken.agent_outdated,
        ..Gateway::default()
    };
}

fn size(status: &ResourceStatus) -> usize {
    serde_json::to_vec(status).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wordy(number: usize, sync_status: SyncStatus) -> Gateway {
        Gateway {
            name: format!("gateway-{number}"),
            pod_name: format!("pod-{number}"),
            sync_status,
            synced_commit: Some("a".repeat(40)),
            error_message: Some("ä".repeat(1000)),
            projects_synced: (0..50).map(|n| format!("project-{n}")).collect(),
            drift: PathList::of((0..20).map(|n| format!("projects/{n}/view.json")).collect()),
            ..Gateway::default()
        }
    }

    fn status(gateways: usize) -> ResourceStatus {
        let status = |n| if n % 10 == 0 { SyncStatus::Error } else { SyncStatus::Synced };
        let discovered_gateways = (0..gateways).map(|n| wordy(n, status(n))).collect();
        ResourceStatus { discovered_gateways, ..ResourceStatus::default() }
    }

    #[test]
    fn a_gateway_keeps_256_bytes_of_error_three_paths_and_ten_projects() {
        let mut status = status(1);
        trim(&mut status);
        let gateway = &status.discovered_gateways[0];
        assert!(gateway.error_message.as_ref().unwrap().len() <= 256);
        assert_eq!((gateway.drift.paths.len(), gateway.drift.count), (3, 20));
        assert_eq!(gateway.projects_synced.len(), 10);
    }

    #[test]
    fn details_of_synced_gateways_go_first() {
        let mut status = status(1000);
        trim(&mut status);
        assert!(size(&status) <= MOST_BYTES);
        assert_eq!(status.discovered_gateways.len(), 1000);
        let (failed, synced) = (&status.discovered_gateways[0], &status.discovered_gateways[1]);
        assert_eq!(failed.projects_synced.len(), 10);
        assert!(synced.projects_synced.is_empty() && synced.drift.count == 20);
    }

    #[test]
    fn no_estate_is_too_large() {
        let mut status = status(20_000);
        trim(&mut status);
        assert!(size(&status) <= MOST_BYTES);
        assert!(status.discovered_gateways.len() > 1000);
    }
}
