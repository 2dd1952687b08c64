use std::io;
use std::path::PathBuf;

/// Why a sync, a rollback or a look at the volume did not succeed.
///
/// Unless a variant says otherwise, nothing outside the state directory was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that a gateway must never have, or that leaves its root.
    #[error("path {path:?} {why}")]
    UnsafePath {
        /// The path, from the mapping or the repository.
        path: String,
        /// What is wrong and what to do.
        why: &'static str,
    },
    /// A mapping's source or destination leads out of its root once it is rendered.
    #[error("{place} is {path:?}, which {why}")]
    UnsafeMapping {
        /// `mappings[0].source`, …
        place: String,
        /// As rendered.
        path: String,
        /// What is wrong and what to do.
        why: &'static str,
    },
    /// A file lies where nothing may be written.
    #[error(
        "{path:?} must never be written: {rule}. Narrow the mapping {mapping:?}, or add the path to excludePatterns"
    )]
    NeverTouch {
        /// Relative to the data directory.
        path: String,
        /// The rule of the layout.
        rule: &'static str,
        /// The mapping's source.
        mapping: String,
    },
    /// The repository holds something that is no file and no directory.
    #[error(
        "{path:?} in the repository is a {what}, which is never followed. Replace it by {}",
        instead(destination)
    )]
    NotAFile {
        /// Relative to the repository's root.
        path: String,
        /// Relative to the data directory; empty if it is a mapping's own source.
        destination: String,
        /// `symbolic link` or `submodule`.
        what: &'static str,
    },
    /// The commit has a directory that no file system could hold.
    #[error("{path:?} of commit {commit}: {why} (tree {tree}). Remove the entry from the repository")]
    BadTree {
        /// Relative to the data directory, or a mapping's source.
        path: String,
        /// The tree's id.
        tree: String,
        /// The commit.
        commit: String,
        /// What is wrong with it.
        why: String,
    },
    /// A required source is not in the commit.
    #[error(
        "source {path:?} of mapping {index} is not in commit {commit} and the mapping is required. Commit it, correct the path, or drop \"required\""
    )]
    SourceMissing {
        /// The source, rendered.
        path: String,
        /// The mapping's place in the profile, from 0.
        index: usize,
        /// The commit that was looked at.
        commit: String,
    },
    /// A mapping's `type` is not what the repository has.
    #[error(
        "mapping {index} says type \"{expected}\", but its source {path:?} is a {found}. Correct \"type\" or leave it out"
    )]
    TypeMismatch {
        /// The source, rendered.
        path: String,
        /// The mapping's place in the profile, from 0.
        index: usize,
        /// What the mapping says.
        expected: &'static str,
        /// What the commit has.
        found: &'static str,
    },
    /// Two files of the desired tree cannot both exist on every file system.
    #[error("{first:?} and {second:?} collide: {why}. Rename one of them in the repository, or exclude it")]
    Collision {
        /// One path.
        first: String,
        /// The other.
        second: String,
        /// Case, or file against directory.
        why: &'static str,
    },
    /// `prune: all` where it would remove what belongs to others.
    #[error("prune: all is refused at {destination:?}: {why}")]
    PruneRefused {
        /// The mapping's destination.
        destination: String,
        /// The reason and the way out.
        why: String,
    },
    /// Something that is not ours lies where a file or directory has to go.
    #[error("{path:?} is in the way: {why}. Move it away, then sync again")]
    InTheWay {
        /// Relative to the data directory.
        path: String,
        /// What lies there.
        why: &'static str,
    },
    /// A template could not be rendered.
    #[error("{0}")]
    Template(String),
    /// A patch could not be applied.
    #[error("{0}")]
    Patch(String),
    /// An exclude pattern or a patch's file pattern is malformed.
    #[error("pattern {pattern:?}: {why}")]
    Pattern {
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A limit of `sync.limits` would be passed.
    #[error("{what}: {figure}, and {limit} is the limit ({field}). {next}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How much it is.
        figure: String,
        /// How much is allowed.
        limit: String,
        /// The field that sets the limit.
        field: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// The volume has no room.
    #[error(
        "the volume of {path:?} has no room: {needed} needed, {available} free. Free some space, or enlarge the volume"
    )]
    DiskFull {
        /// The data directory.
        path: PathBuf,
        /// Bytes or inodes.
        needed: String,
        /// Bytes or inodes.
        available: String,
    },
    /// Another agent works on the volume.
    #[error("{path:?} is in use by another agent ({holder}). Stop it, or ask it to do this")]
    Busy {
        /// The data directory.
        path: PathBuf,
        /// What the holder wrote of itself.
        holder: String,
    },
    /// The state was written by a newer version.
    #[error(
        "the state in {path:?} has format {found}, and this version reads up to {known}. Use the newer agent, which wrote it"
    )]
    NewerFormat {
        /// The state file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is understood.
        known: u32,
    },
    /// A tree or blob that the commit needs was not there.
    #[error("object {id} of commit {commit} is missing: {why}")]
    ObjectMissing {
        /// The tree's or blob's id.
        id: String,
        /// The commit.
        commit: String,
        /// How it is missing.
        why: String,
    },
    /// No generation to go back to.
    #[error("there is no generation {wanted} to go back to; there are: {known}")]
    NoGeneration {
        /// What was asked.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The kept content of a generation is not what it was.
    #[error("the kept version of {path:?} was changed since; the rollback was not begun")]
    UndoDamaged {
        /// Relative to the data directory.
        path: String,
    },
    /// A file of the state directory is damaged.
    #[error("{path:?} is damaged: {why}")]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The agent was asked to stop; what was begun is finished at the next start.
    #[error("stopped while the files were being put in place; the next start finishes it")]
    Stopped,
    /// The operating system refused.
    #[error("failed to {what} {path:?}: {source}{}", hint(source))]
    Io {
        /// `open`, `rename`, …
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// The word of the contract's bounded list (section 8).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnsafePath { .. }
            | Self::UnsafeMapping { .. }
            | Self::NeverTouch { .. }
            | Self::NotAFile { .. }
            | Self::BadTree { .. }
            | Self::Collision { .. }
            | Self::PruneRefused { .. }
            | Self::InTheWay { .. } => "UnsafePath",
            Self::SourceMissing { .. } | Self::TypeMismatch { .. } => "SourceMissing",
            Self::Template(_) => "TemplateFailed",
            Self::Patch(_) => "PatchFailed",
            Self::Limit { .. } => "LimitExceeded",
            Self::DiskFull { .. } => "DiskFull",
            Self::Io { source, .. } if is_full(source) => "DiskFull",
            _ => "Internal",
        }
    }

    /// Whether the repository, the resource or its templates have to change before it can succeed.
    pub fn is_bad_data(&self) -> bool {
        matches!(
            self.reason(),
            "UnsafePath" | "SourceMissing" | "TemplateFailed" | "PatchFailed" | "LimitExceeded"
        ) || matches!(self, Self::Pattern { .. })
    }

    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

/// Whether the volume, or the user's share of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        rustix::io::Errno::from_io_error(error),
        Some(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT)
    )
}

/// What a link or submodule at this destination can be replaced by.
fn instead(destination: &str) -> String {
    if destination.is_empty() {
        return "what it leads to, or correct the mapping's source".to_owned();
    }
    format!("a file, or add {destination:?} to excludePatterns")
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => ". The volume is mounted read-only: mount it writable",
        io::ErrorKind::PermissionDenied => ". The agent must run as the user who owns the gateway's files",
        _ => "",
    }
}
