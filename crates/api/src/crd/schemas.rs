//! Schemas of the types that have a form of their own in manifests.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::rules;
use crate::spec::ResourceQuantity;
use crate::{GoDuration, MaxDeletes, Quantity};

/// `JsonSchema` of a type that is always written out where it is used.
macro_rules! inline {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline!(GoDuration, "GoDuration", json_schema!({ "type": "string" }));
inline!(Quantity, "Quantity", number_or_text(rules::bytes));
inline!(MaxDeletes, "MaxDeletes", number_or_text(rules::deletions));
inline!(
    ResourceQuantity,
    "ResourceQuantity",
    json_schema!({
        "x-kubernetes-int-or-string": true,
        // Kubernetes' own, as in the schema of a pod.
        "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
    })
);

fn number_or_text(rule: fn(&mut Schema)) -> Schema {
    let mut schema = json_schema!({ "x-kubernetes-int-or-string": true, "maxLength": 32 });
    rule(&mut schema);
    schema
}
