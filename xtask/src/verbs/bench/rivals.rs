//! What people do without the agent: git and a copy, and a bare walk.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use stoker_test_gitserver::git;

use crate::needs;

/// How files get from the work tree to the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    Cp,
    Rsync,
}

impl Copying {
    /// Those whose programs are here.
    pub(super) fn present() -> Vec<Self> {
        let rsync = needs::on_path("rsync").then_some(Self::Rsync);
        [Some(Self::Cp), rsync].into_iter().flatten().collect()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cp => "cp -r",
            Self::Rsync => "rsync -a",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::Cp => r#"cp -r "$2"/* "$3""#,
            Self::Rsync => r#"rsync -a --delete --exclude=/.git "$2/" "$3""#,
        }
    }
}

/// `git clone --depth 1`, then a copy.
pub(super) fn clone(copying: Copying, url: &str, dir: &Path) -> Command {
    let script = format!(
        r#"git clone --quiet --depth 1 --single-branch "$1" "$2" && mkdir -p "$3" && {}"#,
        copying.script()
    );
    shell(&script, url, dir)
}

/// `git fetch --depth 1`, a checkout, then a copy, after [`clone`] in the same place.
pub(super) fn fetch(copying: Copying, url: &str, dir: &Path) -> Command {
    let script = format!(
        r#"git -C "$2" fetch --quiet --depth 1 origin main && git -C "$2" checkout --quiet --force FETCH_HEAD && {}"#,
        copying.script()
    );
    shell(&script, url, dir)
}

/// Looks at every entry below a directory and gives their number.
pub(super) fn walk(dir: &Path) -> Result<u64> {
    let mut seen = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            seen += 1;
            // `metadata` does not follow links: one `statx` for each entry.
            if entry.metadata()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(seen)
}

/// A script with the URL, the clone and the copy as its arguments, and git's isolated environment.
fn shell(script: &str, url: &str, dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", url]).arg(dir.join("clone")).arg(dir.join("copy"));
    for (name, value) in git().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[cfg(test)]
mod tests {
    use stoker_test_gitserver::Repository;

    use super::*;

    #[test]
    fn every_way_of_copying_arrives_at_the_commit() {
        for copying in Copying::present() {
            let dir = tempfile::tempdir().unwrap();
            let repository = Repository::init(dir.path().join("source")).unwrap();
            repository.write("config/a.txt", "one").unwrap();
            repository.commit("one").unwrap();
            let url = repository.file_url();
            assert!(clone(copying, &url, dir.path()).status().unwrap().success());
            repository.write("config/a.txt", "two").unwrap();
            repository.commit("two").unwrap();
            assert!(fetch(copying, &url, dir.path()).status().unwrap().success());
            let copied = fs::read_to_string(dir.path().join("copy/config/a.txt")).unwrap();
            assert_eq!(copied, "two", "{copying:?}");
            // The directory and the file.
            assert_eq!(walk(&dir.path().join("copy")).unwrap(), 2);
        }
    }
}
