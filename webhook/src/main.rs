//! `stoker-webhook`: puts the sidecar into gateway pods, and takes pushes.

use std::process::ExitCode;

use stoker_webhook::{cli, commands};

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("stoker-webhook: {problem}\nTry: stoker-webhook --help");
            return ExitCode::from(commands::USAGE);
        }
    };
    commands::run(command).unwrap_or_else(|failure| {
        eprintln!("stoker-webhook: {}", failure.message);
        ExitCode::from(failure.code)
    })
}
