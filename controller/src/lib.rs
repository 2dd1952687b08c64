//! The controller: makes what the agents of each `GatewaySync` are told, and shows what they report.
//!
//! Observe → decide → act:
//!
//! | room | knows | must not know |
//! | --- | --- | --- |
//! | `decide` | the contract: a pure function of what was observed | clients, clocks, network |
//! | `observe` | the cluster as watches show it, kept small | what follows from it |
//! | `resolve` | repositories, which host may be asked, when to look | Kubernetes |
//! | `act` | writes, only where something differs | why |
//! | `reconcile`, `controller`, `queue` | the order of these, for one resource and for all | the contract's words |
//! | `lease`, `serve`, `health`, `metrics`, `log`, `cli`, `run` | the program around it | – |
//! | [`rbac`] | the rights that all this needs | – |
//!
//! Files, gateways and Git's transports are none of its business: repositories are `stoker-git`'s, the contract is
//! `stoker-api`'s.

mod access;
mod act;
mod cli;
mod controller;
mod decide;
mod health;
mod lease;
mod log;
mod metrics;
mod observe;
mod queue;
pub mod rbac;
mod reconcile;
mod resolve;
mod run;
mod serve;
mod text;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Exit code of bad usage (sysexits).
const USAGE: u8 = 64;

/// The program, from its arguments to its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match cli::parse(arguments, |name| std::env::var(name).ok()) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("stoker-controller: {problem}\nTry: stoker-controller --help");
            return ExitCode::from(USAGE);
        }
    };
    match command {
        cli::Command::Help => print(cli::HELP),
        cli::Command::Version => print(concat!("stoker-controller ", env!("CARGO_PKG_VERSION"), "\n")),
        cli::Command::Run(options) => run::run(&options, log::init(options.log_level)),
    }
}

fn print(text: &str) -> ExitCode {
    // A closed pipe (`| head`) is not worth a word.
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
