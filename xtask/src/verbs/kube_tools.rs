//! `cargo xtask kube-tools`: the Kubernetes programs for tests, from their Go modules.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lexopt::Parser;
use lexopt::prelude::Long;

use super::{Verb, unknown};
use crate::kube::{self, Scope};
use crate::progress::Progress;

pub(super) const VERB: Verb = Verb {
    name: "kube-tools",
    usage: "[--all] [--kube-bin DIR]",
    summary: "builds kube-apiserver and etcd (--all: a node's programs) once; says where",
    run,
};

fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut scope = Scope::ApiServer;
    let mut named: Option<PathBuf> = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("all") => scope = Scope::Node,
            Long("kube-bin") => named = Some(arguments.value()?.into()),
            other => return unknown(&other, &VERB),
        }
    }
    let directory = kube::provide(scope, named.as_deref(), &mut Progress::new())?;
    println!("{}", directory.display());
    Ok(ExitCode::SUCCESS)
}
