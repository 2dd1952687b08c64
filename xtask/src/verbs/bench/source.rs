//! The estate that is served: its repository, its commits made beforehand, and what their changes weigh.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};

use super::cost::Cost;
use super::figures::Change;
use crate::estates::Estate;

const NAME: &str = "estate.git";
const PAGE: u64 = 4096;

/// A repository behind a server, and the commits that `main` will be moved to.
pub(super) struct Source {
    pub(super) repository: Repository,
    pub(super) server: HttpServer,
    /// The first holds the estate; each later one changes ten files of the one before.
    pub(super) commits: Vec<String>,
}

impl Source {
    /// Makes the estate below `root` with so many changes of ten files after it, and serves the first commit.
    pub(super) fn create(estate: &Estate, root: &Path, changes: u32) -> Result<Self> {
        let repository = estate.create(&root.join(NAME))?;
        let mut commits = vec![repository.rev_parse("refs/heads/main")?];
        for round in 1..=changes {
            commits.push(estate.change_ten_files(&repository, round)?);
        }
        let options = HttpOptions { filter: true, ..HttpOptions::default() };
        let source = Self { server: HttpServer::start(root, options)?, repository, commits };
        source.push(0)?;
        Ok(source)
    }

    pub(super) fn url(&self) -> String {
        self.server.url(NAME)
    }

    /// Moves `main`; all objects are there already.
    pub(super) fn push(&self, commit: usize) -> Result<()> {
        self.repository.git(&["update-ref", "refs/heads/main", &self.commits[commit]]).map(drop)
    }

    /// Counts from zero.
    pub(super) fn count(&self) {
        self.server.reset_counters();
    }

    /// The cost, with what came from the server since [`Self::count`].
    pub(super) fn charge(&self, cost: Cost) -> Cost {
        cost.with_traffic(self.server.bytes_out(), self.server.requests() as u64)
    }

    /// The size of the trees and blobs that a change of ten files made.
    pub(super) fn change(&self, commit: usize) -> Result<Change> {
        ensure!(commit > 0, "the first commit changes nothing");
        let range = [&self.commits[commit], &format!("^{}", self.commits[commit - 1])];
        let list =
            self.repository.git(&["rev-list", "--objects", "--no-object-names", range[0], range[1]])?;
        let objects = self.batch(&list)?;
        let mut rest = objects.as_slice();
        let mut sum = Change::default();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').context("cat-file ends in a line")?;
            let head = std::str::from_utf8(&rest[..end])?;
            let mut words = head.split(' ').skip(1);
            let (kind, size) = (words.next(), words.next().and_then(|size| size.parse::<usize>().ok()));
            let size = size.with_context(|| format!("cat-file says {head:?}"))?;
            let object = rest.get(end + 1..end + 1 + size).context("cat-file is cut short")?;
            if kind != Some("commit") {
                sum.compressed_bytes += deflated(object)?;
                sum.page_bytes += (object.len() as u64).next_multiple_of(PAGE);
            }
            rest = &rest[(end + 2 + size).min(rest.len())..];
        }
        Ok(sum)
    }

    fn batch(&self, objects: &str) -> Result<Vec<u8>> {
        let mut command = self.repository.command();
        command.args(["cat-file", "--batch"]);
        let mut git = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = git.stdin.take().context("the child has a pipe")?;
        let mut stdout = git.stdout.take().context("the child has a pipe")?;
        // Ten files and their trees: the list fits into the pipe, so this does not wait for the answer.
        writeln!(stdin, "{objects}")?;
        drop(stdin);
        let mut answer = Vec::new();
        stdout.read_to_end(&mut answer)?;
        ensure!(git.wait()?.success(), "`git cat-file --batch` failed");
        Ok(answer)
    }
}

fn deflated(bytes: &[u8]) -> Result<u64> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_of_a_change_is_that_of_its_trees_and_blobs() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::create(&Estate::S, dir.path(), 1).unwrap();
        assert_eq!(source.commits.len(), 2);
        assert_eq!(source.repository.rev_parse("main").unwrap(), source.commits[0]);
        let Change { compressed_bytes, page_bytes } = source.change(1).unwrap();
        // Five views of a few hundred bytes, their manifests, and the trees above them.
        assert!((2_000..60_000).contains(&compressed_bytes), "{compressed_bytes}");
        assert!(page_bytes >= 10 * PAGE && page_bytes.is_multiple_of(PAGE), "{page_bytes}");
        assert!(source.change(0).is_err());
    }
}
