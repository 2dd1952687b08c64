//! What the controller costs with 100 `GatewaySync`s and 1,000 gateways, against a real API server and a real Git server.
//!
//! | module | holds |
//! | --- | --- |
//! | [`figures`] | what is measured; all that `cargo xtask bench controller` needs of this crate |
//! | `cluster` | the API server, the controller's rights, and what its audit log says that was asked for |
//! | `estate` | the objects: sites, resources, gateway pods, and thousands of pods that are none of ours |
//! | `forge` | the Git server, and who asked it for refs when |
//! | `gateways` | what the agents would report |
//! | `sight` | the cluster as agents and people see it: when each metadata and each status changed |
//! | `program` | the controller's process: memory, processor time, start, end |
//! | `scenario` | the order of all this |
//!
//! There is no kubelet and no agent: pods and reports are made here. The controller is the program as it is, with a service
//! account that has the rights of its own table and no others. It must know nothing of how the controller works inside.

#[cfg(feature = "run")]
mod cluster;
#[cfg(feature = "run")]
mod estate;
pub mod figures;
#[cfg(feature = "run")]
mod forge;
#[cfg(feature = "run")]
mod gateways;
#[cfg(feature = "run")]
mod program;
#[cfg(feature = "run")]
pub mod scenario;
#[cfg(feature = "run")]
mod sight;
