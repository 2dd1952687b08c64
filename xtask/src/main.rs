//! `cargo xtask <verb>`: see the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    stoker_xtask::run(lexopt::Parser::from_env())
}
