//! The controller: makes what the agents of each `GatewaySync` are told, and shows what they report.
//!
//! Observe → decide → act:
//!
//! | room | knows | must not know |
//! | --- | --- | --- |
//! | [`decide`] | the contract: a pure function of what was observed | clients, clocks, network |
//!
//! Files, gateways and Git's transports are none of its business: repositories are `stoker-git`'s, the contract is
//! `stoker-api`'s.

pub mod decide;
mod text;
