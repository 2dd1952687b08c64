//! What each command does, and with which code it ends.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use stoker_api::names::env;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Command, HELP, Manifests, Options};
use crate::manifests::inject_all;
use crate::run::{RunError, Surroundings, serve};
use crate::{certificates, inject, log};

/// `EX_USAGE`.
pub const USAGE: u8 = 64;
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const SYSTEM: u8 = 71;

/// A message and the code to end with.
#[derive(Debug)]
pub struct Failure {
    /// For people.
    pub message: String,
    /// Of sysexits.
    pub code: u8,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { message: message.into(), code }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = match &error {
            RunError::NoCluster(_) => UNAVAILABLE,
            RunError::System { .. } | RunError::Tls(_) => SYSTEM,
        };
        Self::new(code, error.to_string())
    }
}

/// Does it.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Help => print(HELP),
        Command::Version => print(&format!("stoker-webhook {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Inject(manifests) => inject_manifests(&manifests),
        Command::Serve(options) => serve_until_told(&options),
    }
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(SYSTEM, format!("cannot write to standard output: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

fn inject_manifests(manifests: &Manifests) -> Result<ExitCode, Failure> {
    let file_name = manifests.gateway_sync.display().to_string();
    let gateway_sync = stoker_api::manifest::read(&read(&manifests.gateway_sync)?, &file_name)
        .map_err(|error| Failure::new(DATA, error.to_string()))?;
    let default_image = std::env::var(env::DEFAULT_AGENT_IMAGE).ok();
    let settings = inject::Settings { default_image, ..inject::Settings::default() };
    let injected =
        inject_all(&read(&manifests.file)?, &gateway_sync, &settings, manifests.namespace.as_deref())
            .map_err(|error| Failure::new(DATA, format!("{}: {error}", manifests.file.display())))?;
    for warning in &injected.warnings {
        eprintln!("stoker-webhook: {warning}");
    }
    print(&injected.text)
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map_err(|error| Failure::new(DATA, format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}

fn serve_until_told(options: &Options) -> Result<ExitCode, Failure> {
    log::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(SYSTEM, format!("cannot start: {error}")))?;
    let result: Result<(), RunError> = runtime.block_on(async {
        let refused = |source| RunError::System { what: "cannot listen to signals".to_owned(), source };
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        let surroundings = Surroundings::from_environment(certificates::wall_clock()).await?;
        let end = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        serve(options, surroundings, end, |_| ()).await
    });
    // A watch whose server does not answer would hold up the end.
    runtime.shutdown_background();
    result?;
    Ok(ExitCode::SUCCESS)
}
