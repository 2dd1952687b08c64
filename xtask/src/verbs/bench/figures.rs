//! Everything that is measured, as the JSON file shows it. Units are in the names.

use serde::Serialize;

use super::cost::Cost;

/// The result of one run of the verb.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) machine: Machine,
    pub(super) program: Program,
    pub(super) estates: Vec<OnEstate>,
    /// What was not measured, and why.
    pub(super) skipped: Vec<String>,
}

/// Where it was measured, without names.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) architecture: &'static str,
    pub(super) kernel: String,
    pub(super) memory_gib: u64,
    /// How many cores other programs kept busy just before.
    pub(super) busy_cores: f64,
    pub(super) data_on: &'static str,
    pub(super) git: String,
}

/// The agent that was measured.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Program {
    pub(super) bytes: u64,
    pub(super) gzipped_bytes: u64,
    /// Whether it is the one that ships: profile `dist`, static with musl.
    pub(super) as_it_ships: bool,
}

/// All figures on one estate.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OnEstate {
    pub(super) estate: &'static str,
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// How often each piece of work was done; the figures are medians, of memory the largest.
    pub(super) runs: u32,
    pub(super) agent: OfAgent,
    /// None where only the agent was measured.
    pub(super) git: Option<OfGit>,
    pub(super) limits: Limits,
}

/// What the agent took.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OfAgent {
    /// From its start to a `/startupz` that answers 200, on an empty volume.
    pub(super) first_sync: Cost,
    /// Resident two seconds after a first sync: all, and what no file backs.
    pub(super) idle_resident_bytes: u64,
    pub(super) idle_anonymous_bytes: u64,
    /// From "resolved" to "synced" in its log.
    pub(super) ten_files: Cost,
    /// Processor time until the gateway has scanned and a second has passed.
    pub(super) ten_files_whole_cpu_seconds: f64,
    pub(super) ten_files_change: Change,
    /// From its start to a `/startupz` that answers 200, the volume being synced.
    pub(super) restart: Cost,
    /// The same until everything was looked at.
    pub(super) restart_looked_seconds: f64,
    /// The same while the server refuses connections.
    pub(super) restart_refused: Cost,
    /// The volume is empty again.
    pub(super) restart_lost: Cost,
    /// A whole run on a volume that is as wanted.
    pub(super) nothing: Cost,
    /// Processor time in an idle minute, with its one look at the ref.
    pub(super) idle_minute_cpu_seconds: Option<f64>,
}

/// The trees and blobs that a change of ten files made, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// Each compressed by itself, as Git does.
    pub(super) compressed_bytes: u64,
    /// Each in whole pages, as a filesystem keeps files.
    pub(super) page_bytes: u64,
}

/// What git and a copy took, for the same work.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OfGit {
    pub(super) ways: Vec<Way>,
    /// A walk that looks at every file of the copy.
    pub(super) walk_seconds: f64,
}

/// One way to copy.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Way {
    pub(super) copying: &'static str,
    pub(super) first_sync: Cost,
    pub(super) ten_files: Cost,
}

/// The first sync under a limit; none where that could not be measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Limits {
    pub(super) processor_200m_agent_seconds: Option<f64>,
    pub(super) processor_200m_git_seconds: Option<f64>,
    pub(super) least_memory_agent: Option<Least>,
    pub(super) least_memory_git: Option<Least>,
}

/// The smallest control group in which a program completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Least {
    /// None when not even the largest one that was tried sufficed.
    pub(super) mebibytes: Option<u64>,
}
