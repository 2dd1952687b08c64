//! What was seen to work with which server, for the table in `docs/git.md`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

/// Notes a result. `cargo xtask gen git` makes a row of a server and a column of a feature.
pub fn record(server: &str, feature: &str, result: &str) -> Result<()> {
    let dir = directory();
    fs::create_dir_all(&dir)?;
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    // A file for each, so that tests of several programs do not write into one at a time.
    let path = dir.join(format!("{}--{}", plain(server), plain(feature)));
    Ok(fs::write(path, format!("{server}\t{feature}\t{result}\n"))?)
}

/// Where the results lie: `git-table` in the target directory.
fn directory() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    target.join("git-table")
}
