//! `cargo xtask dist`: the programs as they ship, and what they weigh.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use lexopt::Parser;
use lexopt::prelude::Long;

use super::{Verb, unknown};
use crate::musl::{self, Arch, Built};
use crate::progress::Progress;
use crate::workspace;

pub(super) const VERB: Verb = Verb {
    name: "dist",
    usage: "[--arch amd64,arm64]",
    summary: "static programs in target/dist-bin/<arch>/, with their sizes",
    run,
};

/// What ships: a package and the folder that it lies in.
const PROGRAMS: &[(&str, &str)] = &[("stoker-agent", "agent")];

fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut arches = Arch::ALL.to_vec();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("arch") => {
                let list = arguments.value()?.into_string().ok().context("--arch takes plain text")?;
                arches = list.split(',').map(str::parse).collect::<Result<_>>()?;
            }
            other => return unknown(&other, &VERB),
        }
    }
    let mut progress = Progress::new();
    let mut built = Vec::new();
    for (package, folder) in PROGRAMS {
        if workspace::root().join(folder).join("Cargo.toml").is_file() {
            for arch in &arches {
                built.push(musl::build(package, *arch, &mut progress)?);
            }
        }
    }
    print!("{}", report(&built));
    Ok(ExitCode::SUCCESS)
}

fn report(built: &[Built]) -> String {
    let mut text = format!("\n{:18} {:6} {:>12} {:>12}  file\n", "program", "arch", "bytes", "gzip -9");
    for Built { program, arch, path, bytes, gzipped } in built {
        let path = path.strip_prefix(workspace::root()).unwrap_or(path);
        let line = format!("{program:18} {:6} {bytes:>12} {gzipped:>12}  {}\n", arch.name(), path.display());
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_line_with_its_sizes() {
        let built = Built {
            program: "stoker-agent".to_owned(),
            arch: Arch::Arm64,
            path: workspace::root().join("target/dist-bin/arm64/stoker-agent"),
            bytes: 2_345_678,
            gzipped: 1_234_567,
        };
        let report = report(&[built]);
        let line = report.lines().last().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words,
            ["stoker-agent", "arm64", "2345678", "1234567", "target/dist-bin/arm64/stoker-agent"]
        );
    }

    #[test]
    fn programs_lie_where_the_table_says() {
        assert!(PROGRAMS.iter().any(|(_, folder)| workspace::root().join(folder).is_dir()));
    }
}
