//! Where kube-apiserver and etcd are.
//!
//! `tests/e2e/tools/go.mod` pins them; `cargo xtask kube-tools` builds them once into a cache outside the checkout, keyed
//! by `go.sum`, so that a change of version never finds programs of another.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::Error;

/// Directory with ready programs, set by `--kube-bin` of `cargo xtask test`.
pub const KUBE_BIN: &str = "STOKER_KUBE_BIN";
/// The same, by the name that other projects' tests use.
pub const KUBEBUILDER_ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The Go module that pins the programs, relative to the checkout.
pub const MODULE: &str = "tests/e2e/tools";

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// `kube-apiserver`.
    pub kube_apiserver: PathBuf,
    /// `etcd`.
    pub etcd: PathBuf,
}

impl Tools {
    /// Looks where the environment says, else in the cache.
    pub fn find() -> Result<Self, Error> {
        let places = places();
        let found = places.iter().find_map(|place| Self::in_directory(place));
        found.ok_or_else(|| {
            let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
            Error::NoTools { looked: looked.join(", ") }
        })
    }

    /// Both programs of a directory, if it has both.
    pub fn in_directory(directory: &Path) -> Option<Self> {
        let tools = Self { kube_apiserver: directory.join("kube-apiserver"), etcd: directory.join("etcd") };
        (tools.kube_apiserver.is_file() && tools.etcd.is_file()).then_some(tools)
    }
}

/// The directory that the environment names, or else the cache. What a person names is not silently passed over.
fn places() -> Vec<PathBuf> {
    let named = [KUBE_BIN, KUBEBUILDER_ASSETS]
        .iter()
        .filter_map(std::env::var_os)
        .find(|directory| !directory.is_empty())
        .map(PathBuf::from);
    named.map_or_else(|| cache_directory().into_iter().collect(), |directory| vec![directory])
}

/// The checkout that this crate was built from.
pub fn checkout() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// `$XDG_CACHE_HOME/stoker/kube-<hash of go.sum>`, else below `~/.cache`; `None` without a home or a `go.sum`.
pub fn cache_directory() -> Option<PathBuf> {
    let sums = std::fs::read(checkout().join(MODULE).join("go.sum")).ok()?;
    let hash = hex(&Sha256::digest(&sums)[..8]);
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("stoker").join(format!("kube-{hash}")))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        _ = write!(text, "{byte:02x}");
    }
    text
}
