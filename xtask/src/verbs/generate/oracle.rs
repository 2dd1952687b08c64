//! The golden tables of the three engines: asks Go's originals every question of the committed tables again.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Target;
use crate::progress::Progress;
use crate::{needs, process, workspace};

pub(super) const TARGET: Target = Target { name: "oracle", run };

/// Program of `tests/oracle`, the table that it answers.
const TABLES: [(&str, &str); 3] = [
    ("template", "crates/gotemplate/tests/golden.jsonl"),
    ("patch", "crates/jsonset/tests/golden.jsonl"),
    ("glob", "crates/glob/tests/golden.jsonl"),
];

fn run(progress: &mut Progress) -> Result<Vec<&'static str>> {
    needs::satisfy(&[needs::GO])?;
    for (program, table) in TABLES {
        progress.begin(&format!("{program}: {table}"));
        answer(program, &workspace::root().join(table))?;
        progress.end("ok");
    }
    Ok(TABLES.iter().map(|(_, table)| *table).collect())
}

/// A table is also its own list of questions: a program ignores the answers it reads and gives them anew.
fn answer(program: &str, table: &Path) -> Result<()> {
    let fresh = table.with_extension("new");
    let input = File::open(table).with_context(|| format!("failed to open {}", table.display()))?;
    let output = File::create(&fresh).with_context(|| format!("failed to create {}", fresh.display()))?;
    let mut command = Command::new("go");
    command.current_dir(workspace::root().join("tests/oracle")).args(["run", &format!("./{program}")]);
    let finished =
        command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::piped()).output()?;
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        bail!("`{}` failed ({}):\n{}", process::shown(&command), finished.status, said.trim_end());
    }
    fs::rename(&fresh, table).with_context(|| format!("failed to replace {}", table.display()))
}
