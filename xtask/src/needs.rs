//! Programs beyond Rust: looked for before the work starts, installed where that is possible, named exactly elsewhere.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process;
use crate::progress::Progress;

/// A program that a verb needs, and the packages that hold it.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// What it is called in messages.
    pub name: &'static str,
    /// Whether it is there.
    pub present: fn() -> bool,
    /// The package of Debian and Ubuntu.
    pub debian: &'static str,
    /// The package of Fedora.
    pub fedora: &'static str,
    /// The Homebrew package; empty where macOS or Xcode brings it.
    pub macos: &'static str,
}

/// The client and the CGI program that serves smart HTTP.
pub const GIT: Need = Need {
    name: "git",
    present: || on_path("git") && part_of_git("git-http-backend"),
    debian: "git",
    fedora: "git-core",
    macos: "git",
};

/// `git daemon`, which Fedora packages apart.
pub const GIT_DAEMON: Need = Need {
    name: "git daemon",
    present: || part_of_git("git-daemon"),
    debian: "git",
    fedora: "git-daemon",
    macos: "git",
};

/// For extracting `git archive`.
pub const TAR: Need =
    Need { name: "tar", present: || on_path("tar"), debian: "tar", fedora: "tar", macos: "gnu-tar" };

/// OpenSSH's server and its key tool, to fetch from over SSH. Running one needs neither root nor a service.
pub const SSHD: Need = Need {
    name: "sshd and ssh-keygen",
    present: || {
        let server = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
        server.iter().any(|path| Path::new(path).is_file()) && on_path("ssh-keygen")
    },
    debian: "openssh-server openssh-client",
    fedora: "openssh-server openssh",
    macos: "openssh",
};

/// A forward proxy.
pub const TINYPROXY: Need = Need {
    name: "tinyproxy",
    present: || on_path("tinyproxy"),
    debian: "tinyproxy-bin",
    fedora: "tinyproxy",
    macos: "tinyproxy",
};

/// Large files for tests, pushed by the real program.
pub const GIT_LFS: Need = Need {
    name: "git lfs",
    present: || on_path("git-lfs"),
    debian: "git-lfs",
    fedora: "git-lfs",
    macos: "git-lfs",
};

/// `OpenPGP` signatures for tests, made by the real program.
pub const GNUPG: Need = Need {
    name: "gpg",
    present: || on_path("gpg") && on_path("gpgconf"),
    debian: "gnupg",
    fedora: "gnupg2",
    macos: "gnupg",
};

/// ring compiles a little C.
pub const C_COMPILER: Need = Need {
    name: "a C compiler (cc)",
    present: || on_path("cc"),
    debian: "gcc libc6-dev",
    fedora: "gcc",
    macos: "",
};

/// libFuzzer is C++.
pub const CXX_COMPILER: Need = Need {
    name: "a C++ compiler (c++)",
    present: || on_path("c++"),
    debian: "g++",
    fedora: "gcc-c++",
    macos: "",
};

/// Python with `venv`, for the zig that links arm64.
pub const PYTHON: Need = Need {
    name: "python3 with venv",
    present: || succeeds("python3", &["-c", "import venv, ensurepip"]),
    debian: "python3 python3-venv",
    fedora: "python3",
    macos: "python",
};

/// Go, for the originals that our own engines are compared with. It fetches the toolchain that `go.mod` asks for by itself.
pub const GO: Need = Need {
    name: "Go (1.21 or newer)",
    present: || succeeds("go", &["version"]),
    debian: "golang-go ca-certificates",
    fedora: "golang",
    macos: "go",
};

/// Makes sure that everything is there, and says in one error what is not.
pub fn satisfy(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    if rustix::process::geteuid().is_root() && on_path("apt-get") {
        install(&missing)?;
    }
    match self::missing(&missing).as_slice() {
        [] => Ok(()),
        missing => bail!("{}", instructions(missing)),
    }
}

/// Whether a program is found on `PATH`.
pub fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(program).is_file())
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !(need.present)()).collect()
}

fn part_of_git(program: &str) -> bool {
    let path = process::output(Command::new("git").arg("--exec-path")).unwrap_or_default();
    Path::new(path.trim()).join(program).is_file()
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    let status =
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn install(missing: &[Need]) -> Result<()> {
    let mut progress = Progress::new();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.debian.split(' ')).collect();
    progress.begin(&format!("installing {}", packages.join(", ")));
    let mut apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::checked(&mut command, |line| progress.detail(line))
    };
    apt(&["update"])?;
    apt(&[["install", "--yes", "--no-install-recommends"].as_slice(), &packages].concat())?;
    progress.end("ok");
    Ok(())
}

fn instructions(missing: &[Need]) -> String {
    let join = |part: fn(&Need) -> &'static str| {
        let mut words: Vec<&str> = missing.iter().map(part).filter(|word| !word.is_empty()).collect();
        words.dedup();
        words
    };
    let mac = join(|need| need.macos);
    let mac = if mac.is_empty() {
        "xcode-select --install".to_owned()
    } else {
        format!("brew install {}", mac.join(" "))
    };
    format!(
        "missing: {}; install with\n  Debian, Ubuntu:  sudo apt-get install {}\n  Fedora:          sudo dnf install {}\n  macOS:           {mac}",
        join(|need| need.name).join(", "),
        join(|need| need.debian).join(" "),
        join(|need| need.fedora).join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_three_commands() {
        let text = instructions(&[GIT, GIT_DAEMON, C_COMPILER]);
        let expected = "missing: git, git daemon, a C compiler (cc); install with
  Debian, Ubuntu:  sudo apt-get install git gcc libc6-dev
  Fedora:          sudo dnf install git-core git-daemon gcc
  macOS:           brew install git";
        assert_eq!(text, expected);
        assert!(instructions(&[C_COMPILER]).ends_with("xcode-select --install"));
    }

    #[test]
    fn only_what_is_absent_is_missing() {
        let absent = Need { name: "absent", present: || false, ..TAR };
        let present = Need { name: "present", present: || true, ..TAR };
        let names: Vec<&str> = missing(&[absent, present]).iter().map(|need| need.name).collect();
        assert_eq!(names, ["absent"]);
        satisfy(&[present]).unwrap();
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh"));
        assert!(!on_path("no-such-program-here"));
    }
}
