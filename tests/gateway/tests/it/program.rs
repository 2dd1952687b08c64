//! The program: its command line, what it prints, and the control paths.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::SOON;
use crate::client::Client;
use crate::data::{Data, VIEW};

struct Program {
    child: Child,
    lines: BufReader<ChildStderr>,
    port: u16,
}

impl Program {
    fn start(data: &Data, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stoker-test-gateway"))
            .arg("--data")
            .arg(data.path())
            .args(["--port", "0", "--token", "ci:secret", "--scan-interval", "0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let mut program = Self { child, lines, port: 0 };
        let line = program.line_with("listening on");
        program.port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        program
    }

    fn line_with(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended without a line with {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn client(&self) -> Client {
        Client::at(self.port).with(Some("ci:secret"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_prints_requests_and_incidents_and_serves_them_as_json() {
    let data = Data::new();
    data.manifest(VIEW, &["view.json", "gone.py"]);
    let mut program = Program::start(&data, &[]);
    let client = program.client();
    assert_eq!(client.get("/data/api/v1/gateway-info").status, 200);
    program.line_with("GET /data/api/v1/gateway-info 200");
    let incidents = client.get("/_test/incidents").json();
    assert_eq!(incidents[0]["path"], format!("{VIEW}/gone.py"));
    assert_eq!(incidents[0]["what"], "missingFile");
    let log = client.get("/_test/log").json();
    assert_eq!(log.as_array().unwrap().len(), 1, "control paths are not in it: {log}");
    assert!(log[0]["at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(client.get("/_test/loaded").json()["projects"]["line"]["title"], "Line");
    assert_eq!(client.post("/_test/clear", "").status, 200);
    assert_eq!(client.get("/_test/incidents").body, "[]");
}

#[test]
fn faults_and_people_are_set_from_outside() {
    let data = Data::new();
    let program = Program::start(&data, &["--commissioning", "--name", "plant", "--redundancy", "master"]);
    let client = program.client();
    assert_eq!(client.get("/_test/state").body, r#"{"state":"commissioning"}"#);
    assert_eq!(client.post("/_test/state", r#"{"state":"running"}"#).status, 200);
    assert_eq!(client.get("/data/api/v1/gateway-info").json()["name"], "plant");

    let faults = r#"{"status":{"/StatusPing":502,"/data/api/v1/scan":[500]},"forbid":"writes"}"#;
    assert_eq!(client.post("/_test/faults", faults).status, 200);
    assert_eq!(client.get("/StatusPing").status, 502);
    assert_eq!(client.post("/data/api/v1/scan/config", "").status, 500);
    assert_eq!(client.post("/data/api/v1/scan/config", "").status, 403);
    assert_eq!(client.post("/_test/faults", r#"{"clear":true}"#).status, 200);
    assert_eq!(client.get("/StatusPing").status, 200);
    let misspelled = client.post("/_test/faults", r#"{"slowms":1}"#);
    assert!(misspelled.status == 400 && misspelled.body.contains("slowMs"), "{misspelled:?}");

    assert_eq!(client.post("/_test/designers", r#"{"user":"ada","project":"line"}"#).status, 200);
    assert_eq!(client.get("/data/api/v1/designers").json()["items"][0]["user"], "ada");
    assert_eq!(client.post("/_test/save", &format!(r#"{{"path":"{VIEW}"}}"#)).status, 200);
    assert!(
        String::from_utf8(data.bytes(&format!("{VIEW}/resource.json")))
            .unwrap()
            .contains("lastModificationSignature")
    );
    assert_eq!(client.post("/_test/save", r#"{"path":"projects/none"}"#).status, 400);
}

#[test]
fn it_restarts_and_stops_when_it_is_told_to() {
    let data = Data::new();
    let mut program = Program::start(&data, &[]);
    let client = program.client();
    let line = r#"{"level":"ERROR","logger":"x","message":"boom"}"#;
    assert_eq!(client.post("/_test/logs", line).status, 200);
    let script = r#"{"kind":"TIMER","project":"line","error":"NameError"}"#;
    assert_eq!(client.post("/_test/scripts", script).status, 200);
    assert!(client.get("/data/api/v1/logs?minLevel=ERROR&limit=5").body.contains("boom"));
    assert!(client.get("/data/api/v1/scripts/diagnostics/TIMER").body.contains("NameError"));
    assert_eq!(client.post("/_test/restart", r#"{"startingMs":3600000}"#).status, 200);
    let deadline = std::time::Instant::now() + SOON;
    while !client.call("GET", "/StatusPing", "").is_ok_and(|answer| answer.body.contains("STARTING")) {
        assert!(std::time::Instant::now() < deadline);
    }
    let pid = nix::unistd::Pid::from_raw(program.child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    program.line_with("stopping: SIGTERM");
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn it_goes_down_for_a_while() {
    let data = Data::new();
    let program = Program::start(&data, &[]);
    let client = program.client();
    assert_eq!(client.post("/_test/faults", r#"{"downForMs":1000}"#).status, 200);
    let deadline = std::time::Instant::now() + SOON;
    let until = |wanted: bool| {
        while client.connect().is_ok() != wanted {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    until(false);
    until(true);
    assert_eq!(client.get("/StatusPing").status, 200);
}

#[test]
fn bad_usage_is_named_and_help_helps() {
    let run =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_stoker-test-gateway")).args(args).output().unwrap();
    let bad = run(&["--data", "/nowhere", "--prot", "1"]);
    assert_eq!(bad.status.code(), Some(64));
    assert!(String::from_utf8(bad.stderr).unwrap().contains("--prot"));
    let help = run(&["--help"]);
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("--scan-interval"));
}
