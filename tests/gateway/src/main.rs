//! `stoker-test-gateway`: a simulated Ignition gateway on a data directory.

mod options;

use std::process::ExitCode;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};
use options::{Parsed, USAGE};
use stoker_test_gateway::{Gateway, Settings};

/// `EX_USAGE` and `EX_OSERR` of sysexits.
const BAD_USAGE: u8 = 64;
const OS_ERROR: u8 = 71;

fn main() -> ExitCode {
    let settings = match options::parse(lexopt::Parser::from_env()) {
        Ok(Parsed::Run(settings)) => *settings,
        Ok(Parsed::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("stoker-test-gateway: {error}\nTry --help.");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stoker-test-gateway: {error:#}");
            ExitCode::from(OS_ERROR)
        }
    }
}

/// Runs until a signal says to stop.
fn run(settings: Settings) -> anyhow::Result<()> {
    // Blocked before any thread exists, and waited for: as PID 1 of a container nothing else would end it.
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block().context("failed to block signals")?;
    let gateway = Gateway::start(settings)?;
    eprintln!("listening on {}", gateway.url());
    let signal = signals.wait().context("failed to wait for a signal")?;
    eprintln!("stopping: {signal}");
    Ok(())
}
