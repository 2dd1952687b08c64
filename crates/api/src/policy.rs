//! `policy.yaml` of the Secret that `git.verify` names: what has to be signed, in which repository, on which refs.

use serde::Deserialize;

use crate::manifest::{ManifestError, read_document};
use crate::path::FieldPath;
use crate::spec::words;

words! {
    /// What has to bear a good signature.
    VerifyMode {
        /// The commit.
        Head = "head",
        /// The annotated tag that the ref names.
        Tag = "tag",
        /// Both.
        TagAndHead = "tagAndHead",
    }
}

impl VerifyMode {
    /// The commit's own signature counts.
    pub fn wants_commit(self) -> bool {
        matches!(self, Self::Head | Self::TagAndHead)
    }

    /// The tag's signature counts.
    pub fn wants_tag(self) -> bool {
        matches!(self, Self::Tag | Self::TagAndHead)
    }
}

/// The policy. It lies in the Secret beside the keys and nowhere else, so that who may write a resource or a
/// `ConfigMap` cannot loosen it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyPolicy {
    /// What has to be signed.
    pub mode: VerifyMode,
    /// The repository's URL; user name, a trailing `.git` and `/` do not count.
    pub repository: String,
    /// Refs that may be followed: doublestar globs. One that begins with `refs/` is matched with the full name,
    /// any other with the name of a branch or tag. A commit's id is matched as it is, and never by a wildcard.
    pub refs: Vec<String>,
}

/// The longest policy that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// Reads a policy, strictly: what is misspelled is named with its place. `file_name` is only for messages.
pub fn read(text: &str, file_name: &str) -> Result<VerifyPolicy, ManifestError> {
    read_document(text, file_name, check)
}

fn check(policy: &VerifyPolicy) -> Vec<(FieldPath, String)> {
    let mut wrong = Vec::new();
    if policy.repository.trim().is_empty() {
        wrong.push((FieldPath::of("repository"), "is empty; write the URL of spec.git.repo".to_owned()));
    }
    if policy.refs.is_empty() {
        let words = "names no ref, so nothing could ever be synced; write for example [main, \"v*\"]";
        wrong.push((FieldPath::of("refs"), words.to_owned()));
    }
    for (index, pattern) in policy.refs.iter().enumerate() {
        if pattern.trim().is_empty() {
            wrong.push((
                FieldPath::of("refs").index(index),
                "is empty; write a branch, a tag or a glob".to_owned(),
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        read(text, "policy.yaml").unwrap_err().to_string()
    }

    #[test]
    fn a_policy_is_read_whole() {
        let policy =
            read("mode: tagAndHead\nrepository: https://host/plant.git\nrefs: [main, \"v*\"]\n", "p")
                .unwrap();
        assert_eq!((policy.mode, policy.refs.len()), (VerifyMode::TagAndHead, 2));
        assert!(policy.mode.wants_commit() && policy.mode.wants_tag());
        assert!(VerifyMode::Head.wants_commit() && !VerifyMode::Head.wants_tag());
        assert!(!VerifyMode::Tag.wants_commit() && VerifyMode::Tag.wants_tag());
    }

    #[test]
    fn what_is_misspelled_is_named_with_its_place() {
        let text = problems("mode: head\nrepositry: x\nrefs: [main]\n");
        assert!(
            text.contains("policy.yaml:2:1: repositry: unknown field; did you mean \"repository\"?"),
            "{text}"
        );
        let text = problems("mode: Head\nrepository: x\nrefs: [main]\n");
        assert!(text.contains("policy.yaml:1:7: mode:") && text.contains("head"), "{text}");
    }

    #[test]
    fn a_policy_under_which_nothing_could_be_synced_is_refused() {
        assert!(problems("mode: head\nrepository: x\nrefs: []\n").contains("refs: names no ref"));
        assert!(problems("mode: head\nrepository: \"\"\nrefs: [main, \"\"]\n").contains("refs[1]: is empty"));
        assert!(problems("mode: head\nrefs: [main]\n").contains("repository"));
        assert!(problems("").contains("policy.yaml"));
    }
}
