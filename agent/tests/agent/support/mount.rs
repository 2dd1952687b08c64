//! Small file systems, for root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A memory file system over a directory until it is dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts it with these options (`size=8m,nr_inodes=100`); says why not, where that is not allowed.
    pub fn tmpfs(over: &Path, options: &str) -> Option<Self> {
        let options = format!("mode=0755,{options}");
        match mount(&["-t", "tmpfs", "-o", &options, "stoker-test"], over) {
            Ok(()) => Some(Self(over.to_owned())),
            Err(why) => {
                eprintln!("skipped: a small file system cannot be mounted here: {why}");
                None
            }
        }
    }

    pub fn read_only(&self, on: bool) {
        let options = if on { "remount,ro" } else { "remount,rw" };
        mount(&["-o", options], &self.0).unwrap();
    }

    /// Bytes that are free.
    pub fn free(&self) -> u64 {
        let now = rustix::fs::statvfs(&self.0).unwrap();
        now.f_bavail * now.f_frsize
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], over: &Path) -> Result<(), String> {
    let output =
        Command::new("mount").args(arguments).arg(over).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
