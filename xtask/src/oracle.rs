//! The programs that answer what Go's originals do, and the one that compares our engines with them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::progress::Progress;
use crate::{needs, process, workspace};

/// One of the three engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Engine {
    /// Of the Go program, of the file of cases.
    pub(crate) name: &'static str,
    /// The golden table, relative to the checkout.
    pub(crate) table: &'static str,
    /// So many cases are generated besides those that were written by hand.
    generated: usize,
}

pub(crate) const ENGINES: [Engine; 3] = [
    Engine { name: "template", table: "crates/gotemplate/tests/golden.jsonl", generated: 600 },
    Engine { name: "patch", table: "crates/jsonset/tests/golden.jsonl", generated: 500 },
    Engine { name: "glob", table: "crates/glob/tests/golden.jsonl", generated: 400 },
];

/// The seed of the generated cases. Another one makes other tables.
const SEED: &str = "1";

/// What was built to ask with.
pub(crate) struct Programs {
    ours: PathBuf,
    originals: PathBuf,
}

impl Programs {
    /// Builds both sides.
    pub(crate) fn build(progress: &mut Progress) -> Result<Self> {
        needs::satisfy(&[needs::GO])?;
        let originals = workspace::target().join("oracle");
        fs::create_dir_all(&originals)?;
        progress.begin("building Go's originals");
        let mut go = Command::new("go");
        go.current_dir(root()).args(["build", "-trimpath", "-o"]).arg(&originals);
        go.args(ENGINES.map(|engine| format!("./{}", engine.name)));
        process::checked(&mut go, |line| progress.detail(line))?;
        progress.end("ok");
        progress.begin("building our engines");
        let mut cargo = workspace::cargo(&["build", "--release", "-p", "stoker-test-oracle"]);
        process::checked(&mut cargo, |line| progress.detail(line))?;
        progress.end("ok");
        Ok(Self { ours: workspace::target().join("release/stoker-oracle"), originals })
    }

    /// Writes an engine's golden table: the answers to its cases, and to those that a generator makes of them.
    pub(crate) fn write_table(&self, engine: Engine) -> Result<()> {
        let table = workspace::root().join(engine.table);
        let (questions, fresh) = (table.with_extension("questions"), table.with_extension("new"));
        let written =
            self.questions(engine, &questions).and_then(|()| self.answer(engine, &questions, &fresh));
        fs::remove_file(&questions).with_context(|| format!("failed to remove {}", questions.display()))?;
        written?;
        fs::rename(&fresh, &table).with_context(|| format!("failed to replace {}", table.display()))
    }

    fn questions(&self, engine: Engine, path: &Path) -> Result<()> {
        let mut command = Command::new(&self.ours);
        command.args(["widen", engine.name]).arg(cases(engine));
        command.args(["--seed", SEED, "--count", &engine.generated.to_string()]);
        let generated = process::output(&mut command)?;
        let by_hand = fs::read_to_string(cases(engine))?;
        fs::write(path, by_hand + &generated).with_context(|| format!("failed to write {}", path.display()))
    }

    fn answer(&self, engine: Engine, questions: &Path, answers: &Path) -> Result<()> {
        let mut command = Command::new(self.originals.join(engine.name));
        command.stdin(File::open(questions)?).stdout(File::create(answers)?).stderr(Stdio::piped());
        let finished = command.output()?;
        if !finished.status.success() {
            let said = String::from_utf8_lossy(&finished.stderr);
            bail!("`{}` failed ({}):\n{}", process::shown(&command), finished.status, said.trim_end());
        }
        Ok(())
    }

    /// A differential fuzz, whose figures go to standard error. The questions on which the two sides differ are added
    /// to the engine's cases; says how many those are.
    pub(crate) fn fuzz(&self, engine: Engine, seconds: u64, seed: u64) -> Result<usize> {
        let mut command = Command::new(&self.ours);
        command.args(["fuzz", engine.name]).arg(cases(engine));
        command.args(["--seconds", &seconds.to_string(), "--seed", &seed.to_string(), "--original"]);
        command.arg(self.originals.join(engine.name)).stdin(Stdio::null()).stderr(Stdio::inherit());
        let finished =
            command.output().with_context(|| format!("failed to start `{}`", process::shown(&command)))?;
        let found = String::from_utf8(finished.stdout).context("the questions are no UTF-8")?;
        match (finished.status.code(), found.lines().count()) {
            (Some(0), 0) => Ok(0),
            (Some(1), count @ 1..) => {
                let path = cases(engine);
                let mut file = File::options().append(true).open(&path)?;
                file.write_all(found.as_bytes())
                    .with_context(|| format!("failed to write {}", path.display()))?;
                Ok(count)
            }
            _ => bail!("`{}` failed ({})", process::shown(&command), finished.status),
        }
    }
}

/// The cases that were written by hand, and those that a fuzz has found.
pub(crate) fn cases(engine: Engine) -> PathBuf {
    root().join("cases").join(format!("{}.jsonl", engine.name))
}

fn root() -> PathBuf {
    workspace::root().join("tests/oracle")
}
