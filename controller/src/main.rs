//! `stoker-controller`: see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    stoker_controller::main(std::env::args_os())
}
