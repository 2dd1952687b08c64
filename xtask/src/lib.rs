//! The one entry point of people and CI: `cargo xtask <verb>` tests, audits, builds and measures the project.
//!
//! It drives programs as their users do. It must not know how they work inside: no crate of the product is among its
//! dependencies, only the servers that tests are run against.

mod elf;
pub mod estates;
mod kube;
mod musl;
mod needs;
mod oracle;
mod process;
mod progress;
mod suite;
mod tree;
mod verbs;
mod workspace;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};

/// Runs the verb that the arguments name, prints what went wrong, and gives the exit code.
pub fn run(mut arguments: Parser) -> ExitCode {
    match chosen(&mut arguments)
        .and_then(|verb| verb.map_or(Ok(ExitCode::SUCCESS), |verb| (verb.run)(arguments)))
    {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The verb that was asked for; none after the list of verbs, which is printed here.
fn chosen(arguments: &mut Parser) -> Result<Option<&'static verbs::Verb>> {
    match arguments.next()? {
        None | Some(Short('h') | Long("help")) => {
            print!("{}", verbs::list());
            Ok(None)
        }
        Some(Value(name)) => {
            let name = name.into_string().ok().context("a verb is plain text")?;
            verbs::find(&name).map(Some)
        }
        Some(other) => Err(other.unexpected().into()),
    }
}
