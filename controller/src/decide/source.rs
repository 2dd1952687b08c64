//! What the gateways are told to run: one triple of repository, ref and commit, replaced as a whole or not at all.

use stoker_api::spec::{AuthType, Git};

use super::document::RefResolutionStatus;
use super::input::{Failure, Observed, Resolution};
use stoker_api::names::metadata_keys as keys;

/// Repository, ref and commit as they are published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Empty while none was ever resolved.
    pub commit: String,
    pub git_ref: String,
    pub git_url: String,
    pub auth_type: Option<AuthType>,
}

/// How the wanted ref stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefState {
    /// Nobody asked for it.
    NotResolved,
    /// It is being asked for.
    Resolving,
    /// It means this commit.
    Resolved(String),
    /// It cannot be had.
    Failed(Failure),
}

impl RefState {
    /// `status.refResolutionStatus`.
    pub fn word(&self) -> RefResolutionStatus {
        match self {
            Self::NotResolved => RefResolutionStatus::NotResolved,
            Self::Resolving => RefResolutionStatus::Resolving,
            Self::Resolved(_) => RefResolutionStatus::Resolved,
            Self::Failed(_) => RefResolutionStatus::Error,
        }
    }
}

/// What is published, and how the ref stands.
///
/// A ref that is not resolved (yet) leaves the last triple in force: a push to a repository that is away, or a restart
/// of this program, takes nothing from the gateways. The same ref of the same repository that was published before
/// counts as resolved until somebody answers otherwise.
pub fn source(observed: &Observed, git: &Git, reference: &str) -> (Source, RefState) {
    let published = published(observed);
    let wanted = |commit: &str| Source {
        commit: commit.to_owned(),
        git_ref: reference.to_owned(),
        git_url: git.repo.clone(),
        auth_type: Some(git.auth_type()),
    };
    let is_known =
        !published.commit.is_empty() && published.git_ref == reference && published.git_url == git.repo;
    let kept = |state: RefState| {
        let source = match () {
            () if is_known => wanted(&published.commit),
            () if published.commit.is_empty() => wanted(""),
            () => published.clone(),
        };
        (source, state)
    };
    match &observed.resolution {
        Resolution::Resolved { commit } => (wanted(commit), RefState::Resolved(commit.clone())),
        Resolution::Failed(failure) => kept(RefState::Failed(failure.clone())),
        Resolution::Pending | Resolution::Idle if is_known => {
            kept(RefState::Resolved(published.commit.clone()))
        }
        Resolution::Pending => kept(RefState::Resolving),
        Resolution::Idle => kept(RefState::NotResolved),
    }
}

/// What the metadata says now; nothing where there is none.
fn published(observed: &Observed) -> Source {
    let text =
        |key: &str| observed.metadata.as_ref().and_then(|data| data.get(key)).cloned().unwrap_or_default();
    Source {
        commit: text(keys::COMMIT),
        git_ref: text(keys::REF),
        git_url: text(keys::GIT_URL),
        auth_type: serde_json::from_value(text(keys::AUTH_TYPE).into()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::decide::testkit::{A, B, observed, spec};
    use stoker_api::names::conditions::reasons::REF_RESOLUTION_FAILED;

    fn with(published: Option<(&str, &str)>, resolution: Resolution) -> (Source, RefState) {
        let mut observed = observed();
        let git = spec().git;
        observed.resolution = resolution;
        observed.metadata = published.map(|(reference, commit)| {
            Arc::new(BTreeMap::from([
                (keys::COMMIT.into(), commit.into()),
                (keys::REF.into(), reference.into()),
                (keys::GIT_URL.into(), git.repo.clone()),
            ]))
        });
        source(&observed, &git, "main")
    }

    fn failed() -> Resolution {
        Resolution::Failed(Failure { reason: REF_RESOLUTION_FAILED, message: "away".into(), transient: true })
    }

    #[test]
    fn an_unresolved_ref_leaves_the_last_triple_in_force() {
        for resolution in [Resolution::Pending, Resolution::Idle, failed()] {
            let (source, _) = with(Some(("old", A)), resolution);
            assert_eq!((source.git_ref.as_str(), source.commit.as_str()), ("old", A));
        }
    }

    #[test]
    fn a_restart_takes_nothing_back() {
        let (source, state) = with(Some(("main", A)), Resolution::Pending);
        assert_eq!((source.commit.as_str(), state), (A, RefState::Resolved(A.into())));
    }

    #[test]
    fn an_answer_replaces_the_whole_triple() {
        let (source, state) = with(Some(("old", A)), Resolution::Resolved { commit: B.into() });
        assert_eq!((source.git_ref.as_str(), source.commit.as_str()), ("main", B));
        assert_eq!(state, RefState::Resolved(B.into()));
    }

    #[test]
    fn a_failure_is_said_even_where_a_commit_is_known() {
        let (source, state) = with(Some(("main", A)), failed());
        assert_eq!(source.commit, A);
        assert!(matches!(state, RefState::Failed(_)));
        assert_eq!(with(None, failed()).0.commit, "");
    }
}
