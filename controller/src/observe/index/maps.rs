//! `ConfigMap`s of ours: the metadata whole, the status entry by entry, of the changes only that they are there.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest as _, Sha256};
use stoker_api::names::objects;

use super::{Head, Index, name_of, owner_of};
use crate::decide::{Report, read_entry, shard_number};
use crate::observe::Key;
use crate::observe::kinds::ConfigMapSeen;

/// Label that tells the `ConfigMap`s apart, so that the changes need not be read.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// Values of [`COMPONENT`].
pub mod component {
    pub const METADATA: &str = "metadata";
    pub const STATUS: &str = "status";
    pub const CHANGES: &str = "changes";
    pub const RBAC: &str = "agent-rbac";
    pub const TOKEN: &str = "git-token";
}

/// What a `ConfigMap` of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Metadata,
    Status,
    Changes,
}

/// A `ConfigMap` of ours.
#[derive(Clone, Debug)]
pub struct MapSeen {
    pub head: Head,
    pub role: Role,
    /// Of the metadata.
    pub data: Arc<BTreeMap<String, String>>,
    /// Of a status: its entries, with the digest of what was read.
    pub entries: BTreeMap<String, (Digest, Report)>,
}

type Digest = [u8; 16];

impl Index {
    /// A metadata or status `ConfigMap` as it is now. Which of the two it is, its name says: those of an earlier
    /// operator have no such label.
    pub fn put_map(&self, seen: ConfigMapSeen) {
        let name = name_of(&seen.metadata);
        let head = Head::of(&seen.metadata);
        let cr = owner_of(&name, &head.labels).map(|owner| owner.1);
        let Some((role, shard)) = role_of(&name.1, cr.as_deref()) else { return };
        if role == Role::Changes {
            return self.put_changes(&seen.metadata);
        }
        let data = seen.data.unwrap_or_default();
        let mut state = self.state();
        let known = state.maps.get(&name);
        if known.is_some_and(|known| known.head.version > head.version) {
            return;
        }
        let map = match role {
            Role::Status => {
                MapSeen { head, role, data: Arc::default(), entries: entries(data, shard, known) }
            }
            _ => MapSeen { head, role, data: Arc::new(data), entries: BTreeMap::new() },
        };
        let is_same = known.is_some_and(|known| {
            known.data == map.data
                && known.head.labels == map.head.labels
                && known.head.owners == map.head.owners
                && known.entries.len() == map.entries.len()
                && known.entries.iter().zip(&map.entries).all(|(a, b)| a.0 == b.0 && a.1.0 == b.1.0)
        });
        let concerned = owner_of(&name, &map.head.labels);
        state.maps.insert(name, map);
        drop(state);
        if !is_same {
            self.tell(concerned);
        }
    }

    /// That a changes `ConfigMap` is there.
    pub fn put_changes(&self, metadata: &ObjectMeta) {
        let name = name_of(metadata);
        let head = Head::of(metadata);
        let mut state = self.state();
        if state.maps.get(&name).is_some_and(|known| known.head.version > head.version) {
            return;
        }
        let map = MapSeen { head, role: Role::Changes, data: Arc::default(), entries: BTreeMap::new() };
        let known = state.maps.insert(name.clone(), map.clone());
        drop(state);
        let is_same = known.is_some_and(|known| {
            known.head.labels == map.head.labels && known.head.owners == map.head.owners
        });
        if !is_same {
            self.tell(owner_of(&name, &map.head.labels));
        }
    }

    pub(super) fn remove_map(&self, name: &Key) {
        let taken = self.state().maps.remove(name);
        self.tell(taken.and_then(|map| owner_of(name, &map.head.labels)));
    }

    pub(super) fn map_names(&self, which: impl Fn(Role) -> bool) -> Vec<Key> {
        let state = self.state();
        state.maps.iter().filter(|(_, map)| which(map.role)).map(|(name, _)| name.clone()).collect()
    }
}

/// What a `ConfigMap` is for, and the number of its shard.
fn role_of(name: &str, cr: Option<&str>) -> Option<(Role, usize)> {
    let cr = match cr {
        Some(cr) => cr,
        // Unlabelled: only the first ones have names that say whose they are.
        None => ["stoker-metadata-", "stoker-status-", "stoker-changes-"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))?,
    };
    if name == objects::metadata(cr) {
        return Some((Role::Metadata, 0));
    }
    if let Some(shard) = shard_number(cr, name) {
        return Some((Role::Status, shard));
    }
    name.starts_with("stoker-changes").then_some((Role::Changes, 0))
}

fn entries(
    data: BTreeMap<String, String>,
    shard: usize,
    known: Option<&MapSeen>,
) -> BTreeMap<String, (Digest, Report)> {
    data.into_iter()
        .map(|(pod, text)| {
            let digest = digest(&text);
            let same = known.and_then(|known| known.entries.get(&pod)).filter(|entry| entry.0 == digest);
            let report = match same {
                Some((_, report)) => report.clone(),
                None => Report { entry: read_entry(&text), shard },
            };
            (pod, (digest, report))
        })
        .collect()
}

fn digest(text: &str) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    digest
}
