//! Joins the engine with Ignition's rules.

use stoker_layout::{Class, Guard};
use stoker_object::{ObjectId, blob_id};
use stoker_sync::{Error, OpenPayload, Rules, Version};

/// Ignition's rules, as the engine asks for them.
pub struct LayoutRules {
    guard: Guard,
    destinations: String,
}

impl LayoutRules {
    /// The rules for mappings with these (rendered) destinations.
    pub fn new(destinations: &[String]) -> Self {
        Self {
            guard: Guard::new(destinations.iter().map(String::as_str)),
            destinations: destinations.join("\n"),
        }
    }
}

impl Rules for LayoutRules {
    fn key(&self) -> String {
        format!("layout 1\n{}", self.destinations)
    }

    fn never_touch(&self, path: &str) -> Option<&'static str> {
        self.guard.never_touch(path)
    }

    fn never_delete(&self, path: &str) -> Option<&'static str> {
        stoker_layout::foreign_identity(path)
            .then_some("it is an identity that the gateway may need to let people in")
    }

    fn skip(&self, _: &str) -> bool {
        false
    }

    fn declares_resource(&self, name: &str) -> bool {
        stoker_layout::class(name) == Class::Manifest
    }

    fn refuses_prune_all(&self, destination: &str) -> Option<String> {
        let refusal = stoker_layout::may_prune_all(destination).err()?;
        Some(format!("{}; {}", refusal.holds, refusal.next))
    }

    fn essence(&self, name: &str, content: &[u8]) -> Option<ObjectId> {
        // `project.json` is not rewritten by the gateway: its bytes count.
        (name != "project.json")
            .then(|| stoker_layout::essence(content))
            .flatten()
            .map(|bytes| blob_id(&bytes))
    }

    fn signs(&self, name: &str) -> bool {
        self.declares_resource(name) && name != "project.json"
    }

    fn resign(
        &self,
        _: &str,
        committed: &[u8],
        written: &[u8],
        payload: &mut OpenPayload<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut failed = None;
        let mut hash = |name: &str, version| match payload_hash(name, version, payload) {
            Ok(hash) => hash,
            Err(error) => {
                failed.get_or_insert(error);
                None
            }
        };
        let was_valid =
            stoker_layout::valid_signature(committed, |name| hash(name, Version::Committed)) == Some(true);
        let signed = was_valid
            .then(|| stoker_layout::with_signature(written, |name| hash(name, Version::Written)))
            .flatten();
        failed.map_or(Ok(signed), Err)
    }
}

fn payload_hash(
    name: &str,
    version: Version,
    payload: &mut OpenPayload<'_>,
) -> Result<Option<stoker_layout::FileHash>, Error> {
    let Some(file) = payload(name, version)? else { return Ok(None) };
    let read_failed = |source| Error::Io { what: "read", path: name.into(), source };
    stoker_layout::file_hash(file).map(Some).map_err(read_failed)
}
