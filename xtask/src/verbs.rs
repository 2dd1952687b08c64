//! The verbs, one file each.

mod audit;
mod bench;
mod demo;
mod dist;
mod fuzz;
mod fuzz_oracle;
mod generate;
mod kube_tools;
mod test;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use lexopt::Parser;

pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// The arguments, as the list of verbs shows them.
    pub(crate) usage: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: fn(Parser) -> Result<ExitCode>,
}

const VERBS: &[Verb] = &[
    demo::VERB,
    test::VERB,
    audit::VERB,
    dist::VERB,
    bench::VERB,
    generate::VERB,
    kube_tools::VERB,
    fuzz::VERB,
    fuzz_oracle::VERB,
];

/// The list that `cargo xtask` prints.
pub(crate) fn list() -> String {
    let width = VERBS.iter().map(|verb| invocation(verb).len()).max().unwrap_or(0);
    let lines = VERBS.iter().map(|verb| format!("  {:width$}  {}\n", invocation(verb), verb.summary));
    format!("Usage: cargo xtask <verb>\n\n{}", lines.collect::<String>())
}

/// The verb of that name, or an error that names the nearest.
pub(crate) fn find(name: &str) -> Result<&'static Verb> {
    if let Some(verb) = VERBS.iter().find(|verb| verb.name == name) {
        return Ok(verb);
    }
    let nearest = VERBS.iter().map(|verb| (distance(name, verb.name), verb.name)).min();
    Err(match nearest {
        Some((steps, nearest)) if steps <= nearest.len() / 2 => {
            anyhow!("there is no verb {name:?}; did you mean `cargo xtask {nearest}`?")
        }
        _ => anyhow!("there is no verb {name:?}; `cargo xtask` lists them"),
    })
}

/// Handles `--help` and refuses everything else that a verb does not know.
pub(crate) fn unknown(argument: &lexopt::Arg<'_>, verb: &Verb) -> Result<ExitCode> {
    use lexopt::prelude::{Long, Short};
    if matches!(argument, Short('h') | Long("help")) {
        println!("Usage: cargo xtask {}\n\n{}", invocation(verb), verb.summary);
        return Ok(ExitCode::SUCCESS);
    }
    let shown = match argument {
        Short(letter) => format!("-{letter}"),
        Long(name) => format!("--{name}"),
        lexopt::Arg::Value(value) => format!("{}", value.display()),
    };
    Err(anyhow!("`{shown}` is not an argument of this verb; usage: cargo xtask {}", invocation(verb)))
}

fn invocation(verb: &Verb) -> String {
    format!("{} {}", verb.name, verb.usage).trim_end().to_owned()
}

/// How many letters have to be put in, taken out or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_listed_with_one_line() {
        let list = list();
        for verb in VERBS {
            let lines = list.lines().filter(|line| line.split_whitespace().next() == Some(verb.name));
            assert_eq!(lines.count(), 1, "{list}");
            assert!(verb.summary.len() < 80, "{}", verb.summary);
        }
    }

    #[test]
    fn a_misspelled_verb_is_answered_with_the_nearest() {
        let error = |name| find(name).err().map(|error| error.to_string()).unwrap();
        assert_eq!(error("tset"), "there is no verb \"tset\"; did you mean `cargo xtask test`?");
        assert_eq!(error("audti"), "there is no verb \"audti\"; did you mean `cargo xtask audit`?");
        assert_eq!(
            error("fly-to-the-moon"),
            "there is no verb \"fly-to-the-moon\"; `cargo xtask` lists them"
        );
        assert_eq!(find("dist").unwrap().name, "dist");
    }

    #[test]
    fn distance_counts_single_letters() {
        for (one, other, steps) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("test", "test", 0)]
        {
            assert_eq!(distance(one, other), steps, "{one} {other}");
            assert_eq!(distance(other, one), steps, "{other} {one}");
        }
    }
}
