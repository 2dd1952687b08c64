//! Reading one manifest, strictly: what a person wrote is either understood whole or refused with the place, the field
//! and the remedy.
//!
//! The text becomes a tree that knows places and quoting (`tree`), the tree becomes types (`strict`, which learns the
//! known fields from the types themselves), the types are checked against bounds and rules ([`check`]). All problems
//! that can be found at once are reported at once.

pub mod check;
mod error;
mod scalar;
mod strict;
mod tree;
mod unsupported;

pub use error::{ManifestError, Problem};
pub use unsupported::{Unsupported, unsupported};

use serde::de::DeserializeOwned;

use crate::path::FieldPath;
use crate::resource::{API_VERSION, GROUP, GatewaySync, KIND};
use tree::{Kind, Node};

/// The largest manifest that is read, in bytes; the API server takes no larger object either.
pub const MAX_BYTES: usize = 1 << 20;

/// Reads the one `GatewaySync` in `text`, YAML or JSON. `file_name` is only for messages.
pub fn read(text: &str, file_name: &str) -> Result<GatewaySync, ManifestError> {
    if text.len() > MAX_BYTES {
        let words = format!(
            "is larger than {MAX_BYTES} bytes; a GatewaySync that large would not fit a cluster either"
        );
        return Err(ManifestError::new(file_name, vec![Problem::of_file(words)]));
    }
    read_problems(text).map_err(|problems| ManifestError::new(file_name, problems))
}

/// Reads another document of ours, as strictly; `check` says what is wrong with values that fit their types.
pub(crate) fn read_document<T: DeserializeOwned>(
    text: &str,
    file_name: &str,
    check: impl FnOnce(&T) -> Vec<(FieldPath, String)>,
) -> Result<T, ManifestError> {
    let read = || {
        let root = tree::parse(text).map_err(|problem| vec![problem])?;
        let document: T = strict::from_tree(&root)?;
        let problems: Vec<Problem> =
            check(&document).into_iter().map(|(path, words)| root.problem_at(path, words)).collect();
        if problems.is_empty() { Ok(document) } else { Err(problems) }
    };
    read().map_err(|problems| ManifestError::new(file_name, problems))
}

fn read_problems(text: &str) -> Result<GatewaySync, Vec<Problem>> {
    let root = tree::parse(text).map_err(|problem| vec![problem])?;
    identify(&root).map_err(|problem| vec![problem])?;
    let resource: GatewaySync = strict::from_tree(&root)?;
    let violations = check::check(&resource);
    if violations.is_empty() {
        return Ok(resource);
    }
    Err(violations.into_iter().map(|violation| root.problem_at(violation.path, violation.words)).collect())
}

/// Is it our resource at all? Asked first, because otherwise every field of another kind would be a problem of its own.
fn identify(root: &Node) -> Result<(), Problem> {
    let Kind::Map(_) = &root.kind else {
        return Err(root.problem(FieldPath::default(), format!("is {}, not a {KIND}", root.describe())));
    };
    let (node, kind) = word(root, "kind", KIND)?;
    if kind != KIND {
        return Err(node.problem(FieldPath::of("kind"), format!("{kind:?} is not read here; write {KIND:?}")));
    }
    let (node, found) = word(root, "apiVersion", API_VERSION)?;
    if found != API_VERSION {
        let words = if found.strip_prefix(GROUP).is_some_and(|rest| rest.starts_with('/')) {
            format!("{found:?} is a version that this program does not know; it reads {API_VERSION:?}")
        } else {
            format!("{found:?} is not a {KIND}'s; write {API_VERSION:?}")
        };
        return Err(node.problem(FieldPath::of("apiVersion"), words));
    }
    Ok(())
}

/// The text of a top-level field.
fn word<'a>(root: &'a Node, field: &str, expected: &str) -> Result<(&'a Node, &'a str), Problem> {
    let path = || FieldPath::of(field);
    match root.get(field) {
        None => Err(root.problem(path(), format!("is missing; write `{field}: {expected}`"))),
        Some(node) => match &node.kind {
            Kind::Scalar(scalar) => Ok((node, &scalar.text)),
            _ => Err(node.problem(path(), format!("must be {expected:?}, not {}", node.describe()))),
        },
    }
}

#[cfg(test)]
mod tests;
