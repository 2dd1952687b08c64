//! The agent beside a gateway: pushes, drift, Designers, faults, and the way back.

mod commands;
mod credentials;
mod designers;
mod drift;
mod first_boot;
mod large;
mod manifest;
mod push;
mod scan;
mod secrets;
mod stop;

use std::time::Duration;

use serde_json::Value;
use stoker_test_gateway::{Gateway, Kind, Request, Settings};
use stoker_test_gitserver::HttpServer;

use crate::support::{Agent, Manifest, SOON, Site};

/// A site with a server for its repository and a gateway on its data directory.
struct Plant {
    site: Site,
    server: HttpServer,
    gateway: Gateway,
    manifest: Manifest,
}

impl Plant {
    fn new() -> Self {
        Self::with(|settings| settings)
    }

    /// The gateway looks at its files all the time, so that half a resource does not escape it.
    fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let site = Site::new();
        let server = site.server();
        let often = Some(Duration::from_millis(20));
        let settings = Settings {
            scan_interval: often,
            config_scan_interval: often,
            ..Settings::new(&site.data).with_token("stoker", "gateway-secret-4711")
        };
        let gateway = Gateway::start(change(settings)).unwrap();
        let manifest = Manifest::new(&server.url("plant.git")).with("gateway.port", gateway.port());
        Self { site, server, gateway, manifest }
    }

    /// Starts the agent and waits until the gateway runs what is in Git.
    fn start(&self) -> Agent {
        let agent = self.site.start(&self.manifest, &[]);
        self.wait_for_scanned(&agent, &self.site.repository.head().unwrap());
        agent
    }

    /// Waits until this commit is on disk and loaded by the gateway.
    fn wait_for_scanned(&self, agent: &Agent, commit: &str) -> Value {
        let pending = self.site.data.join(".stoker/scan-pending");
        let status = agent.wait_for_commit(commit);
        agent.wait("the scan", |_| (!pending.exists()).then_some(()));
        status
    }

    /// Commits a view with this word; the commit.
    fn push(&self, word: &str) -> String {
        self.site.view("main", word);
        self.site.repository.commit(word).unwrap()
    }

    /// Gives the agent this manifest, and a reason to look at it before its period is over.
    fn give(&self, manifest: &Manifest) {
        self.site.write_manifest(&manifest.text());
        self.wake();
    }

    /// Changes nothing that matters in a directory that the agent watches.
    fn wake(&self) {
        let file = self.site.data.join("projects/line/.wake");
        std::fs::write(&file, "").unwrap();
        std::fs::remove_file(file).unwrap();
    }

    /// The word that the gateway's view shows, as it is loaded.
    fn shown(&self) -> Option<String> {
        let content = std::fs::read_to_string(self.site.live_view("main")).ok()?;
        let view: Value = serde_json::from_str(&content).unwrap();
        let loaded = self.gateway.loaded().resource(VIEW).is_some();
        loaded.then(|| view["word"].as_str().unwrap().to_owned())
    }

    /// Scans that the gateway was asked for.
    fn scans_asked(&self) -> Vec<Request> {
        let mut asked = self.gateway.log();
        asked.retain(|request| request.method == "POST" && request.path.contains("/scan/"));
        asked
    }

    #[track_caller]
    fn assert_no_incident(&self) {
        let incidents: Vec<String> = self.gateway.incidents().iter().map(ToString::to_string).collect();
        assert!(incidents.is_empty(), "{incidents:#?}");
    }
}

const VIEW: &str = "projects/line/com.inductiveautomation.perspective/views/main";

#[test]
fn the_gateway_is_asked_for_both_scans_in_order_with_its_token() {
    let plant = Plant::new();
    let _agent = plant.start();
    let asked = plant.scans_asked();
    let paths: Vec<&str> = asked.iter().map(|request| request.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(paths, ["projects", "config"], "once each, projects first");
    assert!(asked.iter().all(|request| request.status == 200), "{asked:?}");
    plant.gateway.wait_for_scan(Kind::Config, asked[1].at, SOON).unwrap();
    plant.assert_no_incident();
}
