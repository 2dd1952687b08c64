//! A data directory to write into, the right way and the wrong ways.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tempfile::TempDir;

pub struct Data(TempDir);

/// The directory of a view of the project that [`Data::new`] makes.
pub const VIEW: &str = "projects/line/com.inductiveautomation.perspective/views/main";
/// The directory of a database connection.
pub const DATABASE: &str = "config/resources/core/ignition/database-connection/mes";

impl Data {
    /// One project with one view, and one resource of the configuration.
    pub fn new() -> Self {
        let data = Self(tempfile::tempdir().unwrap());
        data.write(
            "projects/line/project.json",
            r#"{"title":"Line","enabled":true,"inheritable":false,"parent":"base"}"#,
        );
        data.resource(VIEW, &[("view.json", r#"{"root":{}}"#), ("code.py", "pass\n")]);
        data.write("config/resources/core/config-mode.json", r#"{"title":"Core"}"#);
        data.resource(DATABASE, &[("config.json", r#"{"settings":{}}"#)]);
        data
    }

    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Renames a file into its place, as it should be done.
    pub fn write(&self, path: &str, content: &str) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let staged = self.at(&format!(".staged-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::write(&staged, content).unwrap();
        let target = self.at(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::rename(staged, target).unwrap();
    }

    /// Writes into the file itself, as `cp` does it.
    pub fn write_in_place(&self, path: &str, content: &str) {
        fs::write(self.at(path), content).unwrap();
    }

    /// Payloads, then the manifest.
    pub fn resource(&self, directory: &str, files: &[(&str, &str)]) {
        for (name, content) in files {
            self.write(&format!("{directory}/{name}"), content);
        }
        self.manifest(directory, &files.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    pub fn manifest(&self, directory: &str, files: &[&str]) {
        let manifest = json!({"scope": "G", "version": 1, "files": files, "attributes": {}});
        self.write(&format!("{directory}/resource.json"), &manifest.to_string());
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.at(path)).unwrap();
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.at(path)).unwrap()
    }
}

/// Hex SHA-256, as snapshots have it.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The inode, to see whether a file was written or replaced.
pub fn inode(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).unwrap().ino()
}
