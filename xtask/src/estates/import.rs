//! Commits by `git fast-import`: thousands of files in one stream, without a work tree.

use std::io::{BufWriter, Write as _};
use std::process::{Child, ChildStdin, Stdio};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use stoker_test_gitserver::Repository;

use super::contents::contents;
use super::manifest;
use super::plan::Resource;

/// The date of the first commit, 2026-01-05T08:00:00Z.
const FIRST_DATE: u64 = 1_767_600_000;

/// One commit on `main` while it is being made.
pub(super) struct Import {
    git: Child,
    stream: BufWriter<ChildStdin>,
    parent: Option<String>,
    /// `M` lines of the commit.
    entries: String,
    marks: usize,
    date: u64,
}

impl Import {
    /// `large_deltas`: whether files of more than a megabyte are compared with each other, which takes seconds each.
    pub(super) fn start(repository: &Repository, large_deltas: bool) -> Result<Self> {
        let parent = repository.rev_parse("refs/heads/main").ok();
        let mut command = repository.command();
        if !large_deltas {
            command.args(["-c", "core.bigFileThreshold=1m"]);
        }
        // Level 1: half the time for a tenth more bytes, and binaries do not compress anyway.
        command.args(["-c", "pack.compression=1", "fast-import", "--quiet", "--done", "--date-format=raw"]);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut git = spawned.context("failed to start `git fast-import`")?;
        let stdin = git.stdin.take().context("the child has a pipe")?;
        let stream = BufWriter::with_capacity(1 << 20, stdin);
        Ok(Self { git, stream, parent, entries: String::new(), marks: 0, date: FIRST_DATE })
    }

    /// Adds or replaces the files of these resources, in that revision. Files of one kind go together, because
    /// fast-import stores each as a delta of the one before it where that is shorter.
    pub(super) fn write(&mut self, resources: &[Resource], revision: u32) -> Result<()> {
        self.date = FIRST_DATE + 60 * u64::from(revision);
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (resource, found) in resources.iter().enumerate() {
            order.extend((0..found.payloads.len()).map(|payload| (resource, payload)));
        }
        order.sort_by_key(|&(resource, payload)| resources[resource].payloads[payload].kind);

        let mut hashes: Vec<Vec<[u8; 32]>> =
            resources.iter().map(|resource| vec![[0; 32]; resource.payloads.len()]).collect();
        for (resource, index) in order {
            let found = &resources[resource];
            let payload = &found.payloads[index];
            let bytes = contents(payload, revision);
            hashes[resource][index] =
                if found.manifest.is_some() { Sha256::digest(&bytes).into() } else { [0; 32] };
            self.file(&format!("{}/{}", found.dir, payload.name), payload.executable, &bytes)?;
        }
        for (resource, hashes) in resources.iter().zip(&hashes) {
            if let Some(name) = resource.manifest {
                let bytes = manifest::contents(resource, hashes, revision);
                self.file(&format!("{}/{name}", resource.dir), false, bytes.as_bytes())?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, executable: bool, bytes: &[u8]) -> Result<()> {
        self.marks += 1;
        let mark = self.marks;
        let written = write!(self.stream, "blob\nmark :{mark}\ndata {}\n", bytes.len())
            .and_then(|()| self.stream.write_all(bytes))
            .and_then(|()| self.stream.write_all(b"\n"));
        if written.is_err() {
            return self.complain();
        }
        let mode = if executable { "100755" } else { "100644" };
        self.entries.extend(["M ", mode, " :", &mark.to_string(), " ", path, "\n"]);
        Ok(())
    }

    /// Makes the commit.
    pub(super) fn finish(mut self, message: &str) -> Result<()> {
        let date = self.date;
        let from = self.parent.as_ref().map_or_else(String::new, |parent| format!("from {parent}\n"));
        let commit = format!(
            "commit refs/heads/main\ncommitter Plant Engineer <engineer@plant.example> {date} +0000\ndata {}\n{message}\n{from}{}\ndone\n",
            message.len(),
            self.entries,
        );
        if self.stream.write_all(commit.as_bytes()).and_then(|()| self.stream.flush()).is_err() {
            return self.complain();
        }
        let Self { git, stream, .. } = self;
        drop(stream);
        let output = git.wait_with_output()?;
        if !output.status.success() {
            bail!("`git fast-import` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// fast-import went away: what it said is the error.
    fn complain(&mut self) -> Result<()> {
        let mut said = String::new();
        if let Some(stderr) = &mut self.git.stderr {
            std::io::Read::read_to_string(stderr, &mut said)?;
        }
        self.git.wait()?;
        bail!("`git fast-import` ended early: {}", said.trim());
    }
}
