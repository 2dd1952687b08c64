//! The pair of processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::etcd::{Etcd, SlowEtcd, StoppedEtcd, locked};
use crate::kube_apiserver::KubeApiserver;
use crate::supervised::Supervised;
use crate::tools::Tools;
use crate::{Error, port};

/// Generous: with both cores busy a start was seen to take 15 s instead of 3.
const START_DEADLINE: Duration = Duration::from_mins(2);
/// Another try when somebody else took the port that was free.
const TRIES: usize = 3;

/// How a [`Server`] is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep an audit log, for [`Server::audit_since`].
    pub audit: bool,
    /// Let etcd flush to disk, as a real one does. For tests that kill it.
    pub durable: bool,
    /// Added to the API server's command line, such as `--event-ttl=1m`.
    pub api_server_flags: Vec<String>,
}

/// etcd and kube-apiserver, both stopped and their files removed when this is dropped or the process ends.
#[derive(Debug)]
pub struct Server {
    pub(crate) api: KubeApiserver,
    /// `None` between [`Server::kill_api_server`] and [`Server::start_api_server`].
    process: Mutex<Option<Supervised>>,
    // Dropped last: the API server goes first.
    etcd: Etcd,
}

impl Server {
    /// Starts both programs and waits until the API server is ready: about 3 s on two idle cores.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let tools = Tools::find()?;
        let mut tries = 1;
        loop {
            match Self::try_start(&tools, options) {
                Err(Error::Program { tail, .. }) if tail.contains("in use") && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    fn try_start(tools: &Tools, options: &Options) -> Result<Self, Error> {
        let base = tempfile::Builder::new()
            .prefix("stoker-apiserver-")
            .tempdir()
            .map_err(Error::io("cannot make a temporary directory"))?;
        let etcd_directory = subdirectory(base.path(), "etcd")?;
        let directory = subdirectory(base.path(), "apiserver")?;
        let etcd = Etcd::start(&tools.etcd, &etcd_directory, options.durable)?;
        // From here on whoever ends the processes removes the files.
        _ = base.keep();
        let port = port::free()?;
        let api = KubeApiserver::prepare(tools.kube_apiserver.clone(), directory, &etcd.url, port, options)?;
        let process = match api.start(START_DEADLINE) {
            Ok(process) => process,
            // The API server only says that it cannot connect; why is in etcd's log.
            Err(_) if locked(&etcd.process).has_ended() => {
                return Err(locked(&etcd.process).failed("ended"));
            }
            Err(error) => return Err(error),
        };
        Ok(Self { api, process: Mutex::new(Some(process)), etcd })
    }

    /// The server that all tests of one binary share, with an audit log. Tests keep apart by namespaces of their own, and
    /// by entries of their own in the log. Do not kill or slow this one: start another.
    ///
    /// # Panics
    /// When it cannot be started, with the reason: no test could go on.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| match Self::start(&Options { audit: true, ..Options::default() }) {
            Ok(server) => server,
            #[allow(clippy::panic, reason = "documented; only tests call it")]
            Err(error) => panic!("{error}"),
        })
    }

    /// `https://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.api.url()
    }

    /// What clients must trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.api.pki.ca_pem
    }

    /// Bearer token of the user `admin`, of the group `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.api.admin_token
    }

    /// Writes a kubeconfig for a program, with this token and that default namespace. The file is removed with the server.
    pub fn kubeconfig(&self, token: &str, namespace: &str) -> Result<PathBuf, Error> {
        use base64::Engine as _;
        let ca = base64::engine::general_purpose::STANDARD.encode(self.ca_pem());
        let document = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url(), "certificate-authority-data": ca}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        });
        let path = self.api.directory().join(format!("kubeconfig-{}", next_number()));
        crate::pki::write_private(&path, &document.to_string())?;
        Ok(path)
    }

    /// Kills the API server, as a crash does; etcd goes on. Clients see refused connections.
    pub fn kill_api_server(&self) {
        if let Some(process) = locked(&self.process).take() {
            process.kill_and_keep();
        }
    }

    /// Starts a killed API server again, on the same port and with the same keys, and waits until it is ready.
    pub fn start_api_server(&self) -> Result<(), Error> {
        let mut process = locked(&self.process);
        if process.is_none() {
            *process = Some(self.api.start(START_DEADLINE)?);
        }
        Ok(())
    }

    /// Kills the API server and starts it again: 2 to 3 s without one.
    pub fn restart_api_server(&self) -> Result<(), Error> {
        self.kill_api_server();
        self.start_api_server()
    }

    /// Forgets every revision but the newest and restarts the API server, whose memory of them goes too: a watch or a list
    /// that goes on from an older revision is answered with 410, as after a night without a connection.
    pub fn expire_watches(&self) -> Result<(), Error> {
        self.kill_api_server();
        self.etcd.compact()?;
        self.start_api_server()
    }

    /// Freezes etcd until the returned value is dropped: requests hang.
    pub fn stop_etcd(&self) -> Result<StoppedEtcd, Error> {
        StoppedEtcd::stop(&self.etcd.process)
    }

    /// Lets etcd work in turns only, `running` after `stopped`, until the returned value is dropped.
    pub fn slow_etcd(&self, stopped: Duration, running: Duration) -> SlowEtcd {
        SlowEtcd::begin(&self.etcd.process, stopped, running)
    }
}

/// A number that nobody else in this process gets, for names.
pub(crate) fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn subdirectory(base: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = base.join(name);
    fs::create_dir(&path).map_err(Error::io(format!("cannot make {}", path.display())))?;
    Ok(path)
}
