//! The table of `docs/git.md`: which server was seen to do what, by the tests that talk to it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::Target;
use crate::progress::Progress;
use crate::{needs, process, workspace};

pub(super) const TARGET: Target = Target { name: "git", run };

const PAGE: &str = "docs/git.md";
const BEGIN: &str = "<!-- The table is written by `cargo xtask gen git`. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// Tests of this name note what they saw, in `stoker_test_gitserver::table`.
const TESTS: &str = "in_the_table";

fn run(progress: &mut Progress) -> Result<Vec<&'static str>> {
    needs::satisfy(&[needs::GIT, needs::GIT_DAEMON, needs::SSHD, needs::TINYPROXY])?;
    let results = workspace::target().join("git-table");
    if results.is_dir() {
        fs::remove_dir_all(&results).context("failed to remove the results of the last time")?;
    }
    progress.begin("fetching from every kind of server");
    let mut tests = workspace::cargo(&["test", "--package", "stoker-git", "--tests", TESTS]);
    process::checked(&mut tests, |line| progress.detail(line))?;
    let mut seen = Vec::new();
    for entry in fs::read_dir(&results).context("the tests noted nothing")? {
        seen.push(fs::read_to_string(entry?.path())?);
    }
    seen.sort();
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("failed to read {PAGE}"))?;
    fs::write(path, replaced(&page, &table(&seen))?)?;
    progress.end("ok");
    Ok(vec![PAGE])
}

/// A row for each server, a column for each feature. Each line is `server<TAB>feature<TAB>result`.
fn table(lines: &[String]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for line in lines {
        let mut parts = line.trim_end().split('\t');
        let (Some(server), Some(feature), Some(result)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if !columns.contains(&feature) {
            columns.push(feature);
        }
        rows.entry(server).or_default().insert(feature, result);
    }
    columns.sort_unstable();
    let mut text = format!("| server | {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len() + 1));
    for (server, results) in rows {
        let cells: Vec<&str> =
            columns.iter().map(|column| results.get(column).copied().unwrap_or("–")).collect();
        text += &format!("| {server} | {} |\n", cells.join(" | "));
    }
    text
}

fn replaced(page: &str, table: &str) -> Result<String> {
    let begin = page.find(BEGIN).map(|at| at + BEGIN.len());
    let end = page.find(END);
    ensure!(begin.is_some() && begin <= end, "{PAGE} has no place for the table: {BEGIN}{END}");
    let (begin, end) = (begin.unwrap_or_default(), end.unwrap_or_default());
    Ok(format!("{}\n{table}\n{}", &page[..begin], &page[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_become_rows_and_columns_and_what_was_not_tried_a_dash() {
        let lines = ["b\tfetch\tyes\n", "a\tfetch\tno\n", "a\tanother\tyes\n"].map(str::to_owned);
        let expected =
            "| server | another | fetch |\n| --- | --- | --- |\n| a | yes | no |\n| b | – | yes |\n";
        assert_eq!(table(&lines), expected);
        let page = format!("x\n{BEGIN}old\n{END}y\n");
        let new = replaced(&page, expected).unwrap();
        assert_eq!(new, format!("x\n{BEGIN}\n{expected}\n{END}y\n"));
        assert_eq!(replaced(&new, expected).unwrap(), new, "twice changes nothing");
        assert!(replaced("no place", expected).is_err());
    }
}
