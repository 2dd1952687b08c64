//! Everything that the demo runs, below one directory: Git server, gateway, agent.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use stoker_test_gateway::{Gateway, Settings, State, Token};
use stoker_test_gitserver::Repository;
use tempfile::TempDir;

use super::agent::{Agent, Places};
use super::configuration::Plant;
use super::gatewaysync;
use super::host::Host;
use super::patience::Patience;
use super::tree::Tree;

/// What a gateway has in its data directory before anybody syncs, and keeps to itself.
const GATEWAYS_OWN: [(&str, &str); 6] = [
    (".uuid", "5f0c6b0e-6f0e-4f7b-9a63-7a1f3d1f8b21\n"),
    ("commissioning.json", "{\"isCommissioned\": true}\n"),
    ("config/ignition/keys/metro.key", "not for anybody\n"),
    ("config/resources/core/config-mode.json", "{\n  \"title\": \"Core\", \"inheritable\": true\n}\n"),
    ("db/config.idb", "SQLite format 3\n"),
    ("logs/wrapper.log", "INFO | jvm 1 | Ignition[state=RUNNING]\n"),
];

/// Fields drop in this order: the agent before what it talks to, the directory last.
pub(super) struct World {
    pub(super) agent: Agent,
    pub(super) gateway: Gateway,
    pub(super) host: Host,
    pub(super) plant: Plant,
    pub(super) patience: Patience,
    /// The gateway's data directory.
    pub(super) data: PathBuf,
    seeded: Tree,
    dir: TempDir,
}

impl World {
    /// Makes the repository, pushes it, and starts the gateway. The agent is not started yet.
    pub(super) fn create(program: PathBuf, patience: Patience, keep: bool) -> Result<Self> {
        let mut dir = tempfile::Builder::new().prefix("stoker-demo-").tempdir()?;
        dir.disable_cleanup(keep);
        let host = Host::start(&dir.path().join("git"))?;
        let plant = Plant::create(Repository::init(dir.path().join("plant"))?)?;
        plant.repository().git(&["remote", "add", "origin", &host.url()])?;

        let data = dir.path().join("data");
        for (path, contents) in GATEWAYS_OWN {
            write(&data.join(path), contents)?;
        }
        let token = Token::new("stoker", "demo");
        let settings = Settings { name: gatewaysync::GATEWAY.to_owned(), ..Settings::new(&data) };
        let gateway = Gateway::start(settings.with_token(&token.name, &token.secret))?;

        let places = Places { program, dir: dir.path().to_owned(), data: data.clone() };
        write(&places.config(), &gatewaysync::manifest(&host.url(), gateway.port()))?;
        write(&dir.path().join("secrets").join(gatewaysync::TOKEN_FILE), &token.header())?;
        let world = Self {
            agent: Agent::new(places, gatewaysync::GATEWAY),
            gateway,
            host,
            plant,
            patience,
            seeded: Tree::read(&data)?,
            data,
            dir,
        };
        world.push()?;
        Ok(world)
    }

    /// Where everything lies.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Pushes what was committed, as an engineer does.
    pub(super) fn push(&self) -> Result<()> {
        self.plant.repository().push("origin", "main").context("the push failed")
    }

    /// The files that the gateway had before the first sync.
    pub(super) fn seeded(&self) -> &Tree {
        &self.seeded
    }

    /// The managed files as they must be at a commit.
    pub(super) fn expected(&self, commit: &str) -> Result<Tree> {
        let archive = self.plant.repository().archive(commit)?;
        gatewaysync::expected(&Tree::read(archive.path())?)
    }

    /// Compares the data directory with `git archive` of a commit and with what was there before; the managed files.
    pub(super) fn files_must_equal(&self, commit: &str) -> Result<Tree> {
        let expected = self.expected(commit)?;
        Tree::read(&self.data)?.must_equal(&self.seeded.with(&expected))?;
        Ok(expected)
    }

    /// The gateway runs, and never saw anything half-written.
    pub(super) fn gateway_must_be_well(&self) -> Result<()> {
        let state = self.gateway.state();
        ensure!(state == State::Running, "the gateway is {state:?}");
        let incidents = self.gateway.incidents();
        let first = incidents.first().map(ToString::to_string).unwrap_or_default();
        ensure!(incidents.is_empty(), "the gateway saw {} incidents; {first}", incidents.len());
        Ok(())
    }

    /// Stops the agent; with `--keep` the directory stays.
    pub(super) fn close(mut self) -> Result<()> {
        self.agent.stop().map(drop)
    }
}

fn write(path: &Path, contents: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, contents).with_context(|| format!("failed to write {}", path.display()))
}
