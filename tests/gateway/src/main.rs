//! `stoker-test-gateway`: a simulated Ignition gateway on a data directory.

mod options;

use std::process::ExitCode;
use std::thread;

use options::{Parsed, USAGE};
use stoker_test_gateway::Gateway;

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
    match Gateway::start(settings) {
        Ok(gateway) => {
            eprintln!("listening on {}", gateway.url());
            // Nothing is buffered and nothing is on disk that matters: whoever started it may kill it.
            loop {
                thread::park();
            }
        }
        Err(error) => {
            eprintln!("stoker-test-gateway: {error:#}");
            ExitCode::from(OS_ERROR)
        }
    }
}
