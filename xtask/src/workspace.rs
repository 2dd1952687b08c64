//! Where things lie in the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The target directory, which the environment may have moved.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where tools lie that a verb installed for itself.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// A `cargo` command at the root. rustup's proxy passes the toolchain on, so the name suffices.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(arguments);
    command
}
