//! Where data directories lie while they are measured: a filesystem made anew for every run where that is possible.
//!
//! A filesystem from which many files were deleted makes new ones 10 to 20 times slower, which would hide all else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::output;
use crate::{needs, workspace};

/// Room for three copies of the largest estate; the file behind it is sparse.
const IMAGE_BYTES: u64 = 8 << 30;

/// A directory that can be emptied.
pub(super) struct Lab {
    dir: TempDir,
    fresh_filesystem: bool,
    mounted: bool,
    serial: u32,
}

impl Lab {
    /// A new ext4 on a loop device when we may mount, otherwise a plain directory.
    pub(super) fn new() -> Result<Self> {
        fs::create_dir_all(workspace::target())?;
        let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(workspace::target())?;
        let mut lab = Self { dir, fresh_filesystem: true, mounted: false, serial: 0 };
        fs::create_dir(lab.mount_point())?;
        if let Err(error) = lab.renew() {
            eprintln!("no filesystem of its own: {error:#}");
            lab.fresh_filesystem = false;
        }
        Ok(lab)
    }

    /// What the data directories lie on, for a reader.
    pub(super) fn words(&self) -> &'static str {
        if self.fresh_filesystem {
            "ext4 on a loop device, made anew for every run"
        } else {
            "a temporary directory of the machine's filesystem, not made anew: creating files may be slow there"
        }
    }

    /// A place for what is not measured, such as the server's repositories: not on the lab's own filesystem.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An empty directory; everything that was made here before is gone.
    pub(super) fn empty(&mut self) -> Result<PathBuf> {
        if self.fresh_filesystem {
            self.renew()?;
        } else {
            fs::remove_dir_all(self.mount_point())?;
            fs::create_dir(self.mount_point())?;
        }
        self.serial += 1;
        let dir = self.mount_point().join(format!("run-{}", self.serial));
        fs::create_dir(&dir)?;
        // What others wrote must not be written back while we measure.
        rustix::fs::sync();
        Ok(dir)
    }

    fn mount_point(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    fn renew(&mut self) -> Result<()> {
        self.unmount()?;
        let image = self.dir.path().join("image");
        // Truncated to nothing first, so that it takes no room that the last filesystem took.
        File::create(&image)?.set_len(IMAGE_BYTES).context("failed to make an image file")?;
        // An inode for every 8 KiB: estates are many small files.
        output(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0", "-i", "8192"]).arg(&image))?;
        let device = attach(&image)?;
        let mounted = output(
            Command::new("mount")
                .args(["-t", "ext4", "-o", "noatime,noinit_itable", &device])
                .arg(self.mount_point()),
        );
        // Detaching a device in use is put off until it is unmounted, even if we are killed before.
        let detached = output(Command::new("losetup").args(["--detach", &device]));
        mounted.context("failed to mount a filesystem of its own")?;
        self.mounted = true;
        detached.map(drop)
    }

    fn unmount(&mut self) -> Result<()> {
        if self.mounted {
            output(Command::new("umount").arg(self.mount_point()))?;
            self.mounted = false;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.unmount().is_err() {
            // Somebody has a file open there: it goes when that is closed.
            let _ = output(Command::new("umount").arg("--lazy").arg(self.mount_point()));
        }
    }
}

/// Without direct I/O the image's pages would be cached too, and charged to whom we limit.
fn attach(image: &Path) -> Result<String> {
    let attach =
        |direct: &[&str]| output(Command::new("losetup").args(direct).args(["--find", "--show"]).arg(image));
    let device =
        attach(&["--direct-io=on"]).or_else(|_| attach(&[])).context("failed to get a loop device")?;
    Ok(device.trim().to_owned())
}

/// Puts this process, before it starts anything, into a mount namespace of its own: whatever becomes of it, nothing
/// stays mounted. Does nothing where that is not possible, or was done.
pub(super) fn isolate_mounts() -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    const MARK: &str = "STOKER_BENCH_ISOLATED";
    let possible = rustix::process::geteuid().is_root()
        && std::env::var_os(MARK).is_none()
        && needs::on_path("unshare")
        && output(Command::new("unshare").args(["--mount", "true"])).is_ok();
    if !possible {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let mut command = Command::new("unshare");
    command.arg("--mount").arg("--").arg(program).args(std::env::args_os().skip(1)).env(MARK, "1");
    // Returns only if it failed.
    Err(command.exec()).context("failed to start `unshare`")
}
