//! The public contract of Stoker as types: what users, their manifests, their dashboards and the three programs
//! hold on to, and every name in it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`names`] | annotations, labels, objects, variables, mounts, ports, conditions, events, metrics |
//! | [`spec`], [`resource`] | the `GatewaySync` resource |
//! | `crd` (feature) | the same as a cluster knows it: the object, its definition, the reference |
//! | [`observed`] | the status of the resource |
//! | [`manifest`] | the strict reading of one manifest: every mistake with its place and its remedy |
//! | [`policy`] | who may sign, and what, as the Secret of `git.verify` says it |
//! | [`profile`] | defaults merged with a profile, and the choice of a profile |
//! | [`metadata`] | what the controller tells the agents |
//! | [`status`], [`reason`], [`changes`] | what one gateway's agent reports |
//! | [`duration`], [`quantity`] | Go durations and Kubernetes quantities |
//!
//! Nothing in here does I/O, uses a Kubernetes client (the feature `crd` only implements its traits), knows a Git transport,
//! a clock or a file system. The types are tolerant readers (what a newer program wrote is skipped); strictness belongs to
//! [`manifest::read`], because there a human waits for the answer.

pub mod changes;
#[cfg(feature = "crd")]
pub mod crd;
pub mod duration;
pub mod manifest;
pub mod metadata;
pub mod names;
pub mod observed;
pub mod path;
pub mod policy;
pub mod profile;
pub mod quantity;
pub mod reason;
pub mod resource;
pub mod spec;
pub mod status;

mod text;

pub use duration::GoDuration;
pub use metadata::Metadata;

pub use path::FieldPath;
pub use policy::VerifyPolicy;
pub use profile::ResolvedProfile;
pub use quantity::{MaxDeletes, Quantity};
pub use reason::Reason;

pub use resource::GatewaySync;
pub use status::GatewayStatus;
