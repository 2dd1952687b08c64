//! Synthetic estates: repositories shaped like Ignition's configuration, of fixed seed and known size.
//!
//! Equal calls give equal commits on every machine, so that figures of two runs are about the same bytes. The sizes are
//! those that the project's goals are stated for.

mod contents;
mod import;
mod manifest;
mod plan;
mod random;

use std::path::Path;

use anyhow::{Result, ensure};
use stoker_test_gitserver::Repository;

use import::Import;
use plan::Resource;

/// How many files [`Estate::change_ten_files`] changes.
pub const CHANGED_FILES: usize = 10;
const MB: u64 = 1_000_000;

/// One synthetic repository, before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estate {
    /// What tables call it.
    pub name: &'static str,
    /// Its files, exactly.
    pub files: usize,
    /// The sum of its files' lengths, within a thousandth.
    pub bytes: u64,
    /// The lengths of its binaries, which do not compress.
    pub binaries: &'static [u64],
    /// Whether the last binary is a later version of the one before, stored as a delta in the server's pack.
    pub binary_versions: bool,
    projects: usize,
    seed: u64,
}

impl Estate {
    /// One gateway's configuration.
    pub const S: Self = Self {
        name: "S",
        files: 1_000,
        bytes: 1_700_000,
        binaries: &[],
        binary_versions: false,
        projects: 4,
        seed: 0x5354_4f4b_4552_0001,
    };
    /// A plant with six large binaries.
    pub const M: Self = Self {
        name: "M",
        files: 5_000,
        bytes: 203 * MB,
        binaries: &[10 * MB, 20 * MB, 30 * MB, 36 * MB, 44 * MB, 60 * MB],
        binary_versions: false,
        projects: 8,
        seed: 0x5354_4f4b_4552_0002,
    };
    /// As `M`, with two binaries that are versions of each other.
    pub const M_DELTA: Self = Self {
        name: "M with a delta",
        binaries: &[10 * MB, 20 * MB, 30 * MB, 40 * MB, 50 * MB, 50 * MB],
        binary_versions: true,
        seed: 0x5354_4f4b_4552_0003,
        ..Self::M
    };
    /// A plant of many files.
    pub const L: Self = Self {
        name: "L",
        files: 10_000,
        bytes: 69 * MB,
        binaries: &[],
        binary_versions: false,
        projects: 12,
        seed: 0x5354_4f4b_4552_0004,
    };
    /// More files than anybody has, for memory that must not follow their number.
    pub const H: Self = Self {
        name: "H",
        files: 200_000,
        bytes: 110 * MB,
        binaries: &[],
        binary_versions: false,
        projects: 40,
        seed: 0x5354_4f4b_4552_0005,
    };
    /// All of them.
    pub const ALL: [Self; 5] = [Self::S, Self::M, Self::M_DELTA, Self::L, Self::H];

    /// Makes the estate as a bare repository in `dir`: one commit on `main`, in one pack.
    pub fn create(&self, dir: &Path) -> Result<Repository> {
        let repository = Repository::init_bare(dir)?;
        let mut import = Import::start(&repository, self.binary_versions)?;
        let resources = self.resources();
        import.write(&resources, 0)?;
        import.finish("Add the plant's configuration")?;
        Ok(repository)
    }

    /// Commits to `main` a change of exactly ten files, five views and their manifests, as five edits in the Designer
    /// make it, and gives the commit's id. `round` counts from 1; each round changes other views, until all had one.
    pub fn change_ten_files(&self, repository: &Repository, round: u32) -> Result<String> {
        ensure!(round > 0, "rounds count from 1: round 0 is the first commit");
        let mut views: Vec<Resource> = self.resources().into_iter().filter(Resource::is_view).collect();
        let first = (round as usize - 1) * (CHANGED_FILES / 2) % views.len();
        views.rotate_left(first);
        views.truncate(CHANGED_FILES / 2);
        let mut import = Import::start(repository, self.binary_versions)?;
        import.write(&views, round)?;
        import.finish(&format!("Change five views, round {round}"))?;
        repository.rev_parse("refs/heads/main")
    }

    fn resources(&self) -> Vec<Resource> {
        plan::resources(self)
    }
}

#[cfg(test)]
mod tests;
