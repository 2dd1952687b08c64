//! Ignition's rules about paths and bytes in a gateway's data directory, as pure functions.
//!
//! What may be written or removed, in which order a resource's files go down, when two manifests say the
//! same, how a manifest is signed and what does not fit in one, which files only a restart applies, which the redundant partner gets
//! by itself. It must not know files, Git, Kubernetes or HTTP: it is asked, it never looks.
//!
//! A path is a `&str` relative to the data directory with `/` between components. Empty components and
//! `.` are skipped, so `./db/` and `db` mean the same. Names are compared case-folded wherever a wrong
//! answer would destroy something, because a data directory may lie on a volume that ignores case.

mod fold;
mod guard;
mod identity;
mod json;
mod lint;
mod manifest;
mod names;
mod order;
mod prune;
mod roles;
mod signature;

pub use fold::fold;
pub use guard::{Guard, STATE_DIR};
pub use identity::{foreign_identity, identity_warning};
pub use lint::{Finding, lint_manifest, unlisted, unlisted_finding};
pub use manifest::{MAX_MANIFEST, essence, same_manifest};
pub use names::{ConfigResource, odd_name, project_of, resource_of};
pub use order::{Class, class};
pub use prune::{PruneRefusal, may_prune_all};
pub use roles::{Redundancy, redundancy_class, restart_only};
pub use signature::{FileHash, file_hash, signature, valid_signature, with_signature};
