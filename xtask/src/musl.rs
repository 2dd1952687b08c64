//! Programs as they ship: profile `dist`, static with musl, for each architecture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::progress::Progress;
use crate::{elf, needs, process, workspace};

/// An architecture, named as container images name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// The architecture of this machine; none when programs for it are not built.
    pub fn host() -> Option<Self> {
        Self::ALL.into_iter().find(|arch| arch.rust() == std::env::consts::ARCH)
    }

    /// The name in image indexes and in directories.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The target's name in Rust.
    pub fn target(self) -> String {
        format!("{}-unknown-linux-musl", self.rust())
    }

    fn rust(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    fn machine(self) -> u16 {
        match self {
            Self::Amd64 => elf::X86_64,
            Self::Arm64 => elf::AARCH64,
        }
    }

    /// Whether the machine's own C compiler and linker serve.
    fn is_native(self) -> bool {
        cfg!(target_os = "linux") && Self::host() == Some(self)
    }
}

impl std::str::FromStr for Arch {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|arch| arch.name() == name);
        found.with_context(|| format!("there is no architecture {name:?}; there are amd64 and arm64"))
    }
}

/// A program that was built and looked at.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its name, without a path.
    pub program: String,
    /// For which machine.
    pub arch: Arch,
    /// Where it lies: `target/dist-bin/<arch>/<program>`.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its length after `gzip -9`.
    pub gzipped: u64,
}

/// Builds the program of a package, checks that it is static, and puts it into `target/dist-bin/<arch>/`.
pub fn build(package: &str, arch: Arch, progress: &mut Progress) -> Result<Built> {
    progress.begin(&format!("{package} for {}", arch.name()));
    add_target(&arch.target())?;
    let mut command = if arch.is_native() { native(arch)? } else { by_zig(progress)? };
    progress.begin(&format!("{package} for {}", arch.name()));
    command.args(["--profile", "dist", "--package", package, "--target", &arch.target()]);
    command.env("CARGO_ENCODED_RUSTFLAGS", compiler_flags(arch).join("\u{1f}"));
    process::checked(&mut command, |line| progress.detail(line))?;

    let made = workspace::target().join(arch.target()).join("dist").join(package);
    let built = place(&made, package, arch)?;
    if arch.is_native() {
        process::output(Command::new(&built.path).arg("--version")).context("the program does not start")?;
    }
    progress.end("ok");
    Ok(built)
}

/// Copies a program to its place, once it is what it should be.
fn place(made: &Path, program: &str, arch: Arch) -> Result<Built> {
    let contents = fs::read(made).with_context(|| format!("failed to read {}", made.display()))?;
    check(&contents, arch).with_context(|| made.display().to_string())?;
    let dir = workspace::target().join("dist-bin").join(arch.name());
    fs::create_dir_all(&dir)?;
    let path = dir.join(program);
    fs::copy(made, &path).with_context(|| format!("failed to write {}", path.display()))?;
    let gzipped = gzip_9(&contents)?;
    Ok(Built { program: program.to_owned(), arch, path, bytes: contents.len() as u64, gzipped })
}

fn check(program: &[u8], arch: Arch) -> Result<()> {
    let elf = elf::read(program)?;
    ensure!(elf.machine == arch.machine(), "built for machine {} instead of {}", elf.machine, arch.machine());
    ensure!(!elf.needs_loader, "not static: it names a dynamic loader (PT_INTERP)");
    Ok(())
}

/// The length of these bytes after `gzip -9`.
pub fn gzip_9(contents: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, contents)?;
    Ok(encoder.finish()?.len() as u64)
}

/// rustup has the target already when `rust-toolchain.toml` was obeyed.
fn add_target(target: &str) -> Result<()> {
    let sysroot =
        process::output(Command::new("rustc").current_dir(workspace::root()).args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).is_dir() {
        return Ok(());
    }
    if !needs::on_path("rustup") {
        bail!(
            "Rust's standard library for {target} is missing; install rustup, or the package of your distribution"
        );
    }
    let mut command = Command::new("rustup");
    command.current_dir(workspace::root()).args(["target", "add", target]);
    process::checked(&mut command, |_| {}).map(drop)
}

/// The machine's own linker, with musl from Rust's standard library. Only ring's C needs a compiler, and it uses no
/// more of a C library than musl has too: without `musl-gcc` the usual compiler does.
fn native(arch: Arch) -> Result<Command> {
    needs::satisfy(&[needs::C_COMPILER])?;
    let mut command = workspace::cargo(&["build"]);
    if !needs::on_path("musl-gcc") {
        let target = arch.target().replace('-', "_");
        command.env(format!("CC_{target}"), "cc");
        // Some distributions' compilers turn calls into glibc's checked ones, which musl lacks.
        command.env(format!("CFLAGS_{target}"), "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0");
    }
    Ok(command)
}

/// `cargo zigbuild`, whose zig compiles C and links for any machine; both come as Python packages.
fn by_zig(progress: &mut Progress) -> Result<Command> {
    let bin = zig(progress)?;
    let mut command = workspace::cargo(&["zigbuild"]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(paths)?);
    Ok(command)
}

/// The directory of a Python environment with `cargo-zigbuild` in it, made when it is missing.
fn zig(progress: &mut Progress) -> Result<PathBuf> {
    const PACKAGES: [&str; 2] = ["ziglang==0.16.*", "cargo-zigbuild==0.24.*"];
    let environment = workspace::tools().join("zig");
    let bin = environment.join("bin");
    if bin.join("cargo-zigbuild").is_file() {
        return Ok(bin);
    }
    needs::satisfy(&[needs::PYTHON])?;
    progress.begin("installing zig and cargo-zigbuild from their Python packages");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&environment);
    process::checked(&mut venv, |line| progress.detail(line))?;
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--disable-pip-version-check"]).args(PACKAGES);
    process::checked(&mut pip, |line| progress.detail(line))?;
    progress.end("ok");
    Ok(bin)
}

/// What makes programs small besides the profile: relative relocations are packed, 180 kB of the agent (musl has read
/// them since 1.2.4).
fn compiler_flags(arch: Arch) -> Vec<String> {
    let mut flags = remapped_paths();
    if arch.is_native() {
        flags.push("-Clink-arg=-Wl,-z,pack-relative-relocs".to_owned());
    }
    flags
}

/// Compiler flags that keep this machine's directories out of the program: panics name files relative to the
/// checkout, and two checkouts give the same bytes.
fn remapped_paths() -> Vec<String> {
    let mut flags = vec![format!("--remap-path-prefix={}=", workspace::root().display())];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_the_names_of_images() {
        for arch in Arch::ALL {
            assert_eq!(arch.name().parse::<Arch>().unwrap(), arch);
        }
        let error = "x86".parse::<Arch>().unwrap_err().to_string();
        assert_eq!(error, "there is no architecture \"x86\"; there are amd64 and arm64");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_dynamic_program_and_one_for_another_machine_are_refused() {
        let this = fs::read(std::env::current_exe().unwrap()).unwrap();
        for arch in Arch::ALL {
            let error = check(&this, arch).unwrap_err().to_string();
            let expected = if Arch::host() == Some(arch) { "not static" } else { "built for machine" };
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn gzip_makes_zeros_small() {
        assert!(gzip_9(&vec![0; 100_000]).unwrap() < 200);
    }
}
