//! What syncs change on one gateway: the value of its key in the `ConfigMap` [`crate::names::objects::changes`].
//!
//! The status counts; here are the paths. People read them (`kubectl get configmap stoker-changes-plant -o yaml`), so a
//! list is cut rather than left out, and says how long it is in all.

use serde::{Deserialize, Serialize};

use crate::status::PathList;
use crate::text::cut;

/// What one entry may take up: those of two hundred gateways, and their names, stay below 256 KiB.
pub const MAX_ENTRY_BYTES: usize = 1200;
/// What is left of a path that is longer, in bytes.
const MAX_PATH_BYTES: usize = 200;

/// What syncs change on one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayChanges {
    /// What a sync would change, as the last dry run found it; `None` where there was none since the last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<ChangeSet>,
    /// What the last sync did change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<ChangeSet>,
}

/// Files that differ between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeSet {
    /// The commit that the change leads to.
    #[serde(default)]
    pub commit: String,
    /// When it was found or made, RFC 3339.
    #[serde(default)]
    pub time: String,
    /// Files that were not there.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub added: PathList,
    /// Files with another content.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub modified: PathList,
    /// Files that go.
    #[serde(default, skip_serializing_if = "PathList::is_empty")]
    pub deleted: PathList,
}

impl GatewayChanges {
    /// The JSON that is written, at most `max_bytes` long: control characters become blanks, long paths are cut, then the
    /// longest list gives way, path by path, while its count stays. What is left at last needs 500 bytes.
    pub fn to_json(&self, max_bytes: usize) -> String {
        let mut changes = self.clone();
        changes.lists().into_iter().flatten().for_each(sanitise);
        let mut over = changes.json().len().saturating_sub(max_bytes);
        while over > 0 {
            let Some(longest) = changes.lists().into_iter().max_by_key(|paths| paths.len()) else { break };
            let Some(path) = longest.pop() else { break };
            // Quotes and, but for the last path, a comma; escapes save more than is counted.
            over = over.saturating_sub(path.len() + 2 + usize::from(!longest.is_empty()));
        }
        changes.json()
    }

    fn lists(&mut self) -> Vec<&mut Vec<String>> {
        let sets = [&mut self.dry_run, &mut self.last_sync].into_iter().flatten();
        sets.flat_map(|set| [&mut set.added.paths, &mut set.modified.paths, &mut set.deleted.paths]).collect()
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists of texts always have a JSON form")
    }
}

/// A path that harms no terminal and no other path's place.
fn sanitise(path: &mut String) {
    if path.contains(char::is_control) {
        *path = path.replace(char::is_control, " ");
    }
    if path.len() > MAX_PATH_BYTES {
        *path = format!("{}…", cut(path, MAX_PATH_BYTES));
    }
}

#[cfg(test)]
mod tests;
