//! A site: what there is before the program starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stoker_test_gitserver::{HttpOptions, HttpServer, Repository};
use tempfile::TempDir;

use super::{Agent, Ended, Manifest, Tree};

/// A repository `git/plant.git`, a data directory `data`, secrets below `secrets`, and the manifest
/// `gatewaysync.yaml`, all in one temporary directory.
pub struct Site {
    root: TempDir,
    pub repository: Repository,
    pub data: PathBuf,
}

impl Site {
    /// A site whose repository has one project and one resource of the configuration.
    pub fn new() -> Self {
        let site = Self::empty();
        site.repository
            .write("projects/line/project.json", "{\"title\":\"Line\",\"enabled\":true}\n")
            .unwrap();
        site.view("main", "one");
        site.repository.write("config/resources/core/config-mode.json", "{\"title\":\"Core\"}\n").unwrap();
        site.resource("config/resources/core/ignition/database-connection/mes", "config.json", "{}\n");
        site.repository.commit("one").unwrap();
        site
    }

    /// A site whose repository has no commit.
    pub fn empty() -> Self {
        let root = temporary();
        let data = root.path().join("data");
        fs::create_dir(&data).unwrap();
        let repository = Repository::init(root.path().join("git/plant.git")).unwrap();
        let site = Self { root, repository, data };
        site.secret("ignition-api", "apiKey", "stoker:gateway-secret-4711");
        site
    }

    /// An empty data directory in the place of the one there is.
    pub fn lose_the_volume(&self) {
        fs::remove_dir_all(&self.data).unwrap();
        fs::create_dir(&self.data).unwrap();
    }

    /// Writes a resource of one file and its manifest into the work tree.
    pub fn resource(&self, directory: &str, file: &str, content: &str) {
        let manifest =
            format!("{{\"scope\":\"A\",\"version\":1,\"files\":[\"{file}\"],\"attributes\":{{}}}}\n");
        self.repository.write(&format!("{directory}/{file}"), content).unwrap();
        self.repository.write(&format!("{directory}/resource.json"), manifest).unwrap();
    }

    /// Writes a view of the project `line` that shows this word.
    pub fn view(&self, name: &str, word: &str) {
        let directory = format!("projects/line/com.inductiveautomation.perspective/views/{name}");
        self.resource(&directory, "view.json", &format!("{{\"word\":\"{word}\"}}\n"));
    }

    /// The path of a view's file in the data directory.
    pub fn live_view(&self, name: &str) -> PathBuf {
        self.data.join(format!("projects/line/com.inductiveautomation.perspective/views/{name}/view.json"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The directory that servers serve.
    pub fn served(&self) -> PathBuf {
        self.path("git")
    }

    /// A modern server for the repository.
    pub fn server(&self) -> HttpServer {
        self.server_with(HttpOptions { filter: true, ..HttpOptions::default() })
    }

    pub fn server_with(&self, options: HttpOptions) -> HttpServer {
        HttpServer::start(&self.served(), options).unwrap()
    }

    /// The manifest that reads the repository from its directory.
    pub fn manifest(&self) -> Manifest {
        Manifest::new(&self.repository.file_url())
    }

    pub fn secret(&self, name: &str, key: &str, content: impl AsRef<[u8]>) {
        let directory = self.path("secrets").join(name);
        fs::create_dir_all(&directory).unwrap();
        // By rename, as kubelet does: nobody reads half a Secret.
        let fresh = directory.join(format!(".{key}"));
        fs::write(&fresh, content).unwrap();
        fs::rename(fresh, directory.join(key)).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.path("gatewaysync.yaml")
    }

    pub fn write_manifest(&self, text: &str) {
        let fresh = self.path("gatewaysync.new");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.config()).unwrap();
    }

    /// The program with everything that names this site, and these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--config").arg(self.config()).arg("--data").arg(&self.data);
        command.args(["--gateway-name", "gw", "--pod-name", "gw-0"]);
        command.arg("--status").arg(self.path("status.json"));
        command.args(arguments);
        command
    }

    /// Runs the program once with this manifest, to its end.
    pub fn once(&self, manifest: &Manifest, arguments: &[&str]) -> Ended {
        self.write_manifest(&manifest.text());
        Ended::of(self.command(arguments).arg("--once"))
    }

    /// Syncs once, which must succeed.
    #[track_caller]
    pub fn sync(&self, manifest: &Manifest) {
        let ended = self.once(manifest, &[]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }

    /// Starts the program with this manifest, with its probes on a free port.
    pub fn start(&self, manifest: &Manifest, arguments: &[&str]) -> Agent {
        self.write_manifest(&manifest.text());
        self.start_again(arguments)
    }

    /// Starts the program with the manifest that is there.
    pub fn start_again(&self, arguments: &[&str]) -> Agent {
        Agent::start(self.command(arguments).args(["--listen", "127.0.0.1:0"]))
    }

    /// Runs one of the commands on the volume.
    pub fn volume(&self, verb: &str, arguments: &[&str]) -> Ended {
        Ended::of(program().arg(verb).arg("--data").arg(&self.data).args(arguments))
    }

    /// What lies in the data directory, without the agent's state.
    pub fn live(&self) -> Tree {
        Tree::of(&self.data)
    }

    /// What `git archive` says that a commit holds.
    pub fn archive(&self, commit: &str) -> Tree {
        Tree::of(self.repository.archive(commit).unwrap().path())
    }
}

/// A temporary directory, in memory where there is room for the largest repository of these tests: creating
/// ten thousand files takes a second there, and up to a minute on a disk that has seen much.
fn temporary() -> TempDir {
    const ROOM: u64 = 1 << 30;
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |now| now.f_bavail * now.f_frsize);
    let chosen = std::env::var_os("TMPDIR").is_some() || room < ROOM;
    if chosen { tempfile::tempdir() } else { tempfile::tempdir_in(memory) }.unwrap()
}

/// The program, deaf to the environment of whoever runs the tests.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stoker-agent"));
    command.env_remove("STOKER_LOG");
    command
}

/// The status that was written last.
pub fn status_file(path: &Path) -> Option<serde_json::Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}")))
}
