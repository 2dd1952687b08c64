//! The resource as a cluster knows it: the object with Kubernetes' own metadata, its status, and the definition that
//! teaches an API server what a good manifest is.
//!
//! | module | holds |
//! | --- | --- |
//! | [`object`] | [`GatewaySync`], for clients |
//! | [`rules`] | bounds and CEL rules of single fields, with the words that a person is told |
//! | `schemas` | schemas of the types that are written as texts |
//! | `structural` | from the schemas of the types to what Kubernetes takes |
//! | [`definition()`], [`definition_yaml`] | the `CustomResourceDefinition` |
//! | [`reference()`] | `docs/reference/gatewaysync.md` |
//!
//! Types, defaults and comments are those of [`crate::spec`] and [`crate::observed`]: there is no second list of fields.
//! The API server and [`crate::manifest::read`] give the same verdict on a manifest; `tests/cluster` asks both.

mod definition;
mod object;
mod reference;
pub(crate) mod rules;
mod schemas;
mod structural;
mod yaml;

pub use definition::{DEFINITION_FILE, definition, definition_yaml};
pub use object::GatewaySync;
pub use reference::{REFERENCE_FILE, reference};

#[cfg(test)]
mod tests;
