//! What the tests of this crate share: a simulated gateway with its client, and servers that are no gateway.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use stoker_ignition::{Gateway, Options, Pause, Timeouts};
use stoker_test_gateway as simulated;
use stoker_test_gateway::Settings;
use tempfile::TempDir;

/// A simulated gateway, its data directory, and a client that has its token.
pub struct Plant {
    pub simulated: simulated::Gateway,
    pub gateway: Gateway,
    pub data: TempDir,
    pub secrets: TempDir,
}

impl Plant {
    pub fn new() -> Self {
        Self::with(|settings| settings)
    }

    pub fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let data = tempfile::tempdir().unwrap();
        write(
            data.path(),
            "projects/Line 1/project.json",
            r#"{"title":"Line 1","enabled":true,"inheritable":false}"#,
        );
        resource(data.path(), "config/resources/core/ignition/database-connection/db");
        resource(data.path(), "config/resources/core/ignition/images/Builtin/about & more.png");
        write(data.path(), "config/resources/core/config-mode.json", r#"{"title":"core","enabled":true}"#);
        let settings = change(Settings::new(data.path()).with_token("stoker", "c2VjcmV0"));
        let simulated = simulated::Gateway::start(settings).unwrap();
        let secrets = tempfile::tempdir().unwrap();
        write(secrets.path(), "apiKey", "stoker:c2VjcmV0\n");
        let options = Options { token_file: Some(secrets.path().join("apiKey")), ..quick(simulated.port()) };
        let gateway = Gateway::new(options).unwrap();
        Self { simulated, gateway, data, secrets }
    }

    pub fn set_token(&self, content: &str) {
        write(self.secrets.path(), "apiKey", content);
    }

    pub fn without_token_file(&self) {
        std::fs::remove_file(self.secrets.path().join("apiKey")).unwrap();
    }

    /// Method, path and status of what the gateway was asked.
    pub fn asked(&self) -> Vec<String> {
        let line =
            |request: simulated::Request| format!("{} {} {}", request.method, request.path, request.status);
        self.simulated.log().into_iter().map(line).collect()
    }
}

pub fn write(root: &std::path::Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub fn resource(root: &std::path::Path, directory: &str) {
    write(root, &format!("{directory}/config.json"), "{}");
    let manifest = r#"{"scope":"A","version":1,"files":["config.json"],"attributes":{"enabled":true}}"#;
    write(root, &format!("{directory}/resource.json"), manifest);
}

/// A client whose waits between tries take a hundredth of what they should.
pub fn quick(port: u16) -> Options {
    let pause = Pause::new(|time| {
        std::thread::sleep(time / 100);
        true
    });
    Options { pause, ..Options::new(port) }
}

pub fn impatient() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        response: Duration::from_millis(300),
        body: Duration::from_millis(300),
    }
}

/// A server that is no gateway: it reads a request's head and does what it is told.
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Server {
    /// Every connection is handled by `answer`, one after the other; it gets the head of the request.
    pub fn start(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        Self::raw(move |stream| {
            let head = head(stream);
            answer(&head, stream);
            head
        })
    }

    /// Every connection is handled by `serve`, which returns what is to be remembered of it.
    pub fn raw(serve: impl Fn(&mut TcpStream) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                seen.push(serve(&mut stream));
            }
            seen
        });
        Self { address, stop, thread: Some(thread) }
    }

    /// One that gives this answer, whatever it is asked, and closes.
    pub fn canned(answer: &'static str) -> Self {
        Self::start(move |_, stream| drop(stream.write_all(answer.as_bytes())))
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it; what it was asked.
    pub fn seen(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.thread.take().map(|thread| thread.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What stands before the first empty line.
pub fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
