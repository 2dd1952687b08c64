//! `stoker-agent`: keeps one Ignition gateway's files equal to a Git commit.
//!
//! This program only wires: the engine is `stoker-sync`, repositories are `stoker-git`, the gateway's API
//! is `stoker-ignition`, its rules are `stoker-layout`, the contract is `stoker-api`. Blocking threads, no
//! async; only the sync thread touches the data directory.

mod app_token;
mod backoff;
mod cli;
mod clock;
mod cluster;
mod commands;
mod designers;
mod failure;
mod fetch;
mod lfs;
mod life;
mod lint;
mod log;
mod mailbox;
mod metrics;
mod progress;
mod render;
mod report;
mod rules;
mod scan;
mod serve;
mod settings;
mod signals;
mod source;
mod startup;
mod sync;
mod verify;
mod watch;

use std::process::ExitCode;

use cli::Command;
use failure::Failure;

fn main() -> ExitCode {
    // The webhook sets it, and gives no arguments.
    let in_cluster = std::env::var_os(stoker_api::names::env::CR_NAME).is_some();
    let command = match cli::parse(std::env::args_os(), in_cluster) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("stoker-agent: {problem}\nTry: stoker-agent --help");
            return ExitCode::from(failure::USAGE);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("stoker-agent: {failure}");
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Help => commands::print(cli::HELP),
        Command::Version => commands::print(&format!("stoker-agent {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Run(options) => life::run(&options),
        Command::Cluster(options) => life::run_in_cluster(&options),
        Command::History { data, json } => commands::history(&data, json),
        Command::Diff { data, json } => commands::diff(&data, json),
        Command::Rollback { data, to } => commands::rollback(&data, to),
        Command::Resume { data } => commands::resume(&data),
        Command::Lint { directory, json } => lint::run(&directory, json),
        Command::Render(render) => render::run(&render),
    }
}
