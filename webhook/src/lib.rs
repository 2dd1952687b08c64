//! Admission and pushes: puts the sidecar into gateway pods, and tells the controller when a forge says that there is
//! something new.
//!
//! | module | holds |
//! | --- | --- |
//! | [`inject`] | which pod gets what sidecar: pure, and the place to begin |
//! | [`manifests`] | the same for files, without a cluster |
//! | [`admission`] | what the API server asks, and the answer |
//! | [`receiver`] | pushes: who may ask, what a body says, what becomes of it |
//! | [`certificates`] | the webhook's own, made and renewed at run time |
//! | [`cluster`] | caches kept warm by watches, and look-ups where they are cold |
//! | [`server`] | listeners with bounds, drained at the end |
//!
//! It must never be the reason why a gateway does not start: whatever it does not know, or cannot do, admits the pod with
//! a warning. It knows nothing of repositories, files or gateways, and keeps nothing but caches: a replica can be killed
//! at any moment.

pub mod admission;
pub mod certificates;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod inject;
pub mod manifests;
pub mod metrics;
pub mod receiver;
pub mod run;
pub mod server;

mod log;
mod random;
mod text;
