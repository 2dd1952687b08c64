//! Repositories made by the `git` program.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::git::{git, run, shown};

/// The date of a repository's first commit, unless [`Repository::set_date`] says otherwise: 2023-11-14T22:13:20Z.
const FIRST_DATE: i64 = 1_700_000_000;

/// A repository with a work tree (or bare), on branch `main`. Equal calls give equal object ids: the author is fixed
/// and each commit is one second younger than the one before.
#[derive(Debug)]
pub struct Repository {
    dir: PathBuf,
    next_date: AtomicI64,
}

impl Repository {
    /// Makes an empty repository with a work tree in `dir`, which is created with its parents.
    pub fn init(dir: impl Into<PathBuf>) -> Result<Self> {
        Self::init_with(dir, &[])
    }

    /// Makes an empty bare repository: what a forge has, and what can be pushed to.
    pub fn init_bare(dir: impl Into<PathBuf>) -> Result<Self> {
        Self::init_with(dir, &["--bare"])
    }

    /// As [`Self::init`], with more arguments to `git init`, such as `--object-format=sha256`.
    pub fn init_with(dir: impl Into<PathBuf>, arguments: &[&str]) -> Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        run(git().args(["init", "--quiet", "--initial-branch=main"]).args(arguments).arg(&dir))?;
        Ok(Self::open(dir))
    }

    /// A repository that exists.
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), next_date: AtomicI64::new(FIRST_DATE) }
    }

    /// Clones `url` into `dir`, with a work tree.
    pub fn clone_from(url: &str, dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        run(git().args(["-c", "protocol.file.allow=always", "clone", "--quiet", url]).arg(&dir))?;
        Ok(Self::open(dir))
    }

    /// The directory given to [`Self::init`].
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// `file://` and the repository's path.
    pub fn file_url(&self) -> String {
        format!("file://{}", self.dir.display())
    }

    /// Runs `git` in the repository and gives what it printed, without the last newline.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        run(self.command().args(arguments))
    }

    /// A `git` command in this repository, for what [`Self::git`] cannot do. `file://` remotes are allowed.
    pub fn command(&self) -> Command {
        let mut command = git();
        let date = format!("{} +0000", self.next_date.load(Ordering::Relaxed));
        command.current_dir(&self.dir).args(["-c", "protocol.file.allow=always"]);
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        command
    }

    /// The date, in seconds since 1970, of the next commit or tag.
    pub fn set_date(&self, seconds: i64) {
        self.next_date.store(seconds, Ordering::Relaxed);
    }

    /// Writes a file of the work tree with mode 0644, with its parent directories. What was there goes.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> Result<()> {
        self.write_with_mode(path, contents.as_ref(), 0o644)
    }

    /// As [`Self::write`], with mode 0755.
    pub fn write_executable(&self, path: &str, contents: impl AsRef<[u8]>) -> Result<()> {
        self.write_with_mode(path, contents.as_ref(), 0o755)
    }

    /// Makes a symbolic link at `path`. The target need not exist.
    pub fn symlink(&self, path: &str, target: &str) -> Result<()> {
        let link = self.place_for(path)?;
        symlink(target, &link).with_context(|| format!("failed to make the link {}", link.display()))
    }

    /// Removes a file or a whole directory of the work tree.
    pub fn remove(&self, path: &str) -> Result<()> {
        let full = self.dir.join(path);
        let kind = fs::symlink_metadata(&full).with_context(|| format!("there is no {}", full.display()))?;
        let removed = if kind.is_dir() { fs::remove_dir_all(&full) } else { fs::remove_file(&full) };
        removed.with_context(|| format!("failed to remove {}", full.display()))
    }

    /// Commits the work tree as it is, also when nothing changed, and gives the commit's id in hex.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all", "--force", "."])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--no-verify", "--no-gpg-sign", "-m", message])?;
        self.tick();
        self.head()
    }

    /// The id of the commit that is checked out.
    pub fn head(&self) -> Result<String> {
        self.rev_parse("HEAD")
    }

    /// The object id that a name stands for, such as `main`, `v1^{commit}` or `HEAD:views/a.json`.
    pub fn rev_parse(&self, name: &str) -> Result<String> {
        self.git(&["rev-parse", "--verify", "--quiet", name])
    }

    /// Makes or moves a lightweight tag to the commit that is checked out.
    pub fn tag(&self, name: &str) -> Result<()> {
        self.git(&["tag", "--force", name]).map(drop)
    }

    /// Makes or moves an annotated tag to the commit that is checked out and gives the id of the tag object.
    pub fn annotated_tag(&self, name: &str, message: &str) -> Result<String> {
        self.git(&["tag", "--force", "--annotate", "--no-sign", "-m", message, name])?;
        self.tick();
        self.rev_parse(&format!("refs/tags/{name}"))
    }

    /// Makes or moves a branch to the commit that is checked out, without checking it out.
    pub fn branch(&self, name: &str) -> Result<()> {
        self.git(&["branch", "--force", name]).map(drop)
    }

    /// Checks a branch, tag or commit out.
    pub fn checkout(&self, name: &str) -> Result<()> {
        self.git(&["checkout", "--quiet", name]).map(drop)
    }

    /// Packs everything into one pack with deltas, as a forge does now and then.
    pub fn gc(&self) -> Result<()> {
        self.git(&["repack", "-a", "-d", "-f", "--quiet"])?;
        self.git(&["pack-refs", "--all", "--prune"]).map(drop)
    }

    /// Writes `info/refs` and `objects/info/packs`, without which a "dumb" server serves nothing.
    pub fn update_server_info(&self) -> Result<()> {
        self.git(&["update-server-info"]).map(drop)
    }

    /// Pushes `refspec` (such as `main` or `HEAD:refs/heads/x`) to a URL or a path.
    pub fn push(&self, url: &str, refspec: &str) -> Result<()> {
        self.git(&["push", "--quiet", url, refspec]).map(drop)
    }

    /// Stores an object that git's own commands would refuse to make (a tree with `..` in it, for example) and gives
    /// its id. `kind` is `blob`, `tree`, `commit` or `tag`.
    pub fn write_object(&self, kind: &str, contents: &[u8]) -> Result<String> {
        let mut command = self.command();
        command.args(["hash-object", "-w", "--literally", "--stdin", "-t", kind]);
        let name = shown(&command);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("the child has a pipe")?;
        stdin.write_all(contents).with_context(|| format!("failed to write to `{name}`"))?;
        drop(stdin);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("`{name}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Commits a tree by its id on top of the current branch, if it has commits, and leaves the work tree alone.
    pub fn commit_tree(&self, tree: &str, message: &str) -> Result<String> {
        let parent = self.head().ok();
        let mut arguments = vec!["commit-tree", tree, "-m", message];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent]);
        }
        let commit = self.git(&arguments)?;
        self.tick();
        self.git(&["update-ref", "HEAD", &commit])?;
        Ok(commit)
    }

    /// Extracts `git archive` of a commit into a new directory: what a deployment of it should look like.
    pub fn archive(&self, commit: &str) -> Result<TempDir> {
        let target = TempDir::new()?;
        let mut archive =
            self.command().args(["archive", "--format=tar", commit]).stdout(Stdio::piped()).spawn()?;
        let tar = archive.stdout.take().context("the child has a pipe")?;
        let extracted = run(Command::new("tar").args(["-x", "-f", "-", "-C"]).arg(target.path()).stdin(tar));
        let archived = archive.wait()?;
        if !archived.success() {
            bail!("`git archive {commit}` failed in {} ({archived})", self.dir.display());
        }
        extracted.map(|_| target)
    }

    fn tick(&self) {
        self.next_date.fetch_add(1, Ordering::Relaxed);
    }

    fn write_with_mode(&self, path: &str, contents: &[u8], mode: u32) -> Result<()> {
        let file = self.place_for(path)?;
        fs::write(&file, contents).with_context(|| format!("failed to write {}", file.display()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// The full path of a file to be, with its parents made and whatever was there removed, so that a file can take
    /// the place of a link or of another mode.
    fn place_for(&self, path: &str) -> Result<PathBuf> {
        let full = self.dir.join(path);
        let parent = full.parent().with_context(|| format!("{path:?} has no parent directory"))?;
        fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
        match fs::symlink_metadata(&full) {
            Ok(kind) if kind.is_dir() => bail!("{} is a directory", full.display()),
            Ok(_) => fs::remove_file(&full)?,
            Err(_) => {}
        }
        Ok(full)
    }
}
