//! Gitea's program: where it is, and how it is built from its Go module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::git::{git, run};

/// A ready program in the place of the built one. Beside it must lie `options`, `templates` and `public`.
const NAMED: &str = "STOKER_GITEA";

/// The module that pins it.
fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("forge")
}

/// The program, if it is there.
pub fn program() -> Option<PathBuf> {
    let named = std::env::var_os(NAMED).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| cached().ok()).filter(|path| path.is_file())
}

/// Whether it could be built: there is a Go, and a C compiler for its database.
pub fn can_build() -> bool {
    let runs = |program: &str, argument: &str| {
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    runs("go", "version") && runs("cc", "--version")
}

/// Its place in the cache, which changes with what the module pins.
fn cached() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let key = run(git().args(["hash-object", "--no-filters"]).arg(module().join("go.sum")))?;
    Ok(cache.join("stoker").join(format!("gitea-{}", &key[..16])).join("gitea"))
}

/// Builds it once, which takes minutes, and gives its place. `report` sees what the build says.
pub fn build(report: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let target = cached()?;
    if target.is_file() {
        return Ok(target);
    }
    let place = target.parent().context("the cache has a parent")?;
    fs::create_dir_all(place)?;
    report("go build code.gitea.io/gitea");
    let unfinished = place.join(format!(".gitea.{}", std::process::id()));
    go(
        &[
            "build",
            "-mod=readonly",
            "-trimpath",
            "-tags",
            "sqlite sqlite_unlock_notify",
            "-ldflags",
            "-s -w",
            "-o",
        ],
        &[&unfinished.to_string_lossy(), "code.gitea.io/gitea"],
    )?;
    let source = go(&["list", "-m", "-f", "{{.Dir}}", "code.gitea.io/gitea"], &[])?;
    for name in ["options", "templates", "public"] {
        copy(&Path::new(source.trim()).join(name), &place.join(name))?;
    }
    fs::rename(&unfinished, &target)?;
    Ok(target)
}

fn go(arguments: &[&str], more: &[&str]) -> Result<String> {
    let mut command = Command::new("go");
    command.current_dir(module()).env("CGO_ENABLED", "1").args(arguments).args(more);
    let output = command.stdin(Stdio::null()).output().context("the program `go` does not start")?;
    if !output.status.success() {
        bail!("`go {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies a directory; those of the module cache cannot be written, their copies can.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::write(&target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
