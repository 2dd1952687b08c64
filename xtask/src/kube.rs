//! The Kubernetes programs that tests run against: found ready, or built once from `tests/e2e/tools` into a cache outside
//! the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};
use stoker_test_apiserver::tools;

use crate::progress::Progress;
use crate::{needs, process, workspace};

/// A program, and the package of `tests/e2e/tools/go.mod` that it is built from.
struct Program {
    name: &'static str,
    package: &'static str,
}

/// An API server and its store: what `cargo xtask test` needs.
const API_SERVER: &[Program] = &[
    Program { name: "etcd", package: "go.etcd.io/etcd/server/v3" },
    Program { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
];

/// The rest of a node.
const NODE: &[Program] = &[
    Program { name: "kube-controller-manager", package: "k8s.io/kubernetes/cmd/kube-controller-manager" },
    Program { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler" },
    Program { name: "kubelet", package: "k8s.io/kubernetes/cmd/kubelet" },
    Program { name: "kube-proxy", package: "k8s.io/kubernetes/cmd/kube-proxy" },
    Program { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl" },
];

/// Which programs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// kube-apiserver and etcd.
    ApiServer,
    /// Those, and what makes a node of them.
    Node,
}

impl Scope {
    fn programs(self) -> impl Iterator<Item = &'static Program> {
        let rest = if self == Self::Node { NODE } else { &[] };
        API_SERVER.iter().chain(rest)
    }

    fn missing(self, directory: &Path) -> Vec<&'static Program> {
        self.programs().filter(|program| !directory.join(program.name).is_file()).collect()
    }
}

/// Where ready programs are, if somebody said so or they were built before; nothing is built.
pub(crate) fn ready(scope: Scope, named: Option<&Path>) -> Result<Option<PathBuf>> {
    let in_environment = || {
        let names = [tools::KUBE_BIN, tools::KUBEBUILDER_ASSETS];
        let mut set = names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        set.find(|(_, directory)| !directory.is_empty()).map(|(name, directory)| (name, directory.into()))
    };
    let named = named.map(|directory| ("--kube-bin", directory.to_owned())).or_else(in_environment);
    if let Some((who, directory)) = named {
        // Whoever names a directory means it: what it lacks is not quietly taken from elsewhere.
        let missing: Vec<&str> = scope.missing(&directory).iter().map(|program| program.name).collect();
        if !missing.is_empty() {
            bail!("{} ({who}) has no {}", directory.display(), missing.join(", "));
        }
        let directory = directory.canonicalize().with_context(|| directory.display().to_string())?;
        return Ok(Some(directory));
    }
    Ok(Some(cache()?).filter(|cache| scope.missing(cache).is_empty()))
}

/// Where the programs are, after building what is missing.
pub(crate) fn provide(scope: Scope, named: Option<&Path>, progress: &mut Progress) -> Result<PathBuf> {
    if let Some(directory) = ready(scope, named)? {
        return Ok(directory);
    }
    needs::satisfy(&[needs::GO])?;
    new_enough()?;
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("failed to make {}", cache.display()))?;
    let flags = linker_flags()?;
    let missing = scope.missing(&cache);
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    progress.line(&format!(
        "      building {} from Go modules into {}: 5 to 8 minutes on two cores, once",
        names.join(", "),
        cache.display()
    ));
    for program in missing {
        build(program, &cache, &flags, progress)?;
    }
    Ok(cache)
}

/// Asks Go in the module's directory, where it fetches a newer toolchain by itself if the module demands one and it may.
fn new_enough() -> Result<()> {
    let directory = workspace::root().join(tools::MODULE);
    let mut go = Command::new("go");
    go.current_dir(&directory).args(["env", "GOVERSION"]);
    let version = process::output(&mut go).with_context(|| {
        let advice = "install the Go that its go.mod asks for (https://go.dev/dl), or set GOTOOLCHAIN=auto";
        format!("Go cannot build what {} pins; {advice}", tools::MODULE)
    })?;
    // An old Go does not look into go.mod before it builds.
    let minor =
        version.trim().strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    match minor {
        Some(minor) if minor < 21 => {
            bail!("{} is too old; install Go 1.21 or newer (https://go.dev/dl)", version.trim())
        }
        _ => Ok(()),
    }
}

/// Whether the programs could be built: there is a Go, and it is new enough or fetches a newer one by itself.
pub(crate) fn can_build() -> bool {
    (needs::GO.present)()
}

fn cache() -> Result<PathBuf> {
    tools::cache_directory().ok_or_else(|| anyhow!("no place for built programs: set HOME or XDG_CACHE_HOME"))
}

/// Builds one program beside its place, then moves it there: two builds at a time do not meet, and one that was
/// interrupted leaves nothing that looks ready.
fn build(program: &Program, cache: &Path, flags: &str, progress: &mut Progress) -> Result<()> {
    let (name, package) = (program.name, program.package);
    progress.begin(&format!("build {name}"));
    let unfinished = cache.join(format!(".{name}.{}", std::process::id()));
    let mut go = Command::new("go");
    go.current_dir(workspace::root().join(tools::MODULE))
        // Static, and without a C compiler.
        .env("CGO_ENABLED", "0")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o"])
        .arg(&unfinished)
        .arg(package);
    let built = process::checked(&mut go, |line| progress.detail(line));
    if built.is_err() {
        // Go may have left a part, or nothing.
        _ = fs::remove_file(&unfinished);
    }
    built?;
    fs::rename(&unfinished, cache.join(name))
        .with_context(|| format!("failed to put {name} into the cache"))?;
    progress.end("ok");
    Ok(())
}

/// Without these a program says that its version is `v0.0.0-master`, which no chart's `kubeVersion` accepts.
fn linker_flags() -> Result<String> {
    let path = workspace::root().join(tools::MODULE).join("go.mod");
    let module = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let version = kubernetes_version(&module).context("go.mod requires no k8s.io/kubernetes")?;
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let set = |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let flags = [
        "-s -w".to_owned(),
        set("gitVersion", version),
        set("gitMajor", major),
        set("gitMinor", minor),
        set("gitTreeState", "clean"),
    ];
    Ok(flags.join(" "))
}

fn kubernetes_version(module: &str) -> Option<&str> {
    let mut words = module.lines().map(str::split_whitespace);
    words.find_map(|mut line| {
        let first = line.next()?;
        let name = if first == "require" { line.next()? } else { first };
        (name == "k8s.io/kubernetes").then(|| line.next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_pinned() {
        assert_eq!(kubernetes_version("require k8s.io/kubernetes v1.2.3\n"), Some("v1.2.3"));
        assert_eq!(
            kubernetes_version("require (\n\tk8s.io/kubernetes v1.36.3 // indirect\n)\n"),
            Some("v1.36.3")
        );
        assert_eq!(kubernetes_version("replace k8s.io/api => k8s.io/api v0.36.3\n"), None);
        let flags = linker_flags().unwrap();
        assert!(flags.contains("version.gitVersion=v1.") && flags.contains("version.gitMajor=1 "), "{flags}");
    }

    #[test]
    fn a_named_directory_must_have_everything() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("etcd"), "").unwrap();
        let error = ready(Scope::ApiServer, Some(directory.path())).unwrap_err().to_string();
        assert!(error.ends_with("(--kube-bin) has no kube-apiserver"), "{error}");
        fs::write(directory.path().join("kube-apiserver"), "").unwrap();
        let found = ready(Scope::ApiServer, Some(directory.path())).unwrap();
        assert_eq!(found, Some(directory.path().canonicalize().unwrap()));
        let error = ready(Scope::Node, Some(directory.path())).unwrap_err().to_string();
        assert!(error.contains("kubelet, kube-proxy, kubectl"), "{error}");
    }
}
