//! A Go program that runs beside us and answers line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::case::{Answer, Case, Known, answered};
use crate::engine::Engine;

/// No case takes the original so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The running program.
pub struct Original {
    engine: Engine,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Original {
    /// Starts the built program, and tells it the data of templates.
    pub fn start(engine: Engine, program: &Path, known: &Known) -> Result<Self> {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).context("no pipes")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut original = Self { engine, child, stdin, lines };
        for definition in &known.definitions {
            writeln!(original.stdin, "{definition}")?;
            original.line()?;
        }
        Ok(original)
    }

    /// Answers to these cases, in order.
    pub fn answers(&mut self, cases: &[Case]) -> Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(cases.len());
        // Few enough at once that neither pipe fills up while the other side waits.
        for cases in cases.chunks(16) {
            let mut questions = String::new();
            for case in cases {
                questions += &format!("{}\n", case.question(self.engine));
            }
            self.stdin.write_all(questions.as_bytes()).context("the original has ended")?;
            for case in cases {
                let line = self.line().with_context(|| format!("asked {}", case.question(self.engine)))?;
                answers.push(answered(self.engine, &serde_json::from_str(&line)?)?);
            }
        }
        Ok(answers)
    }

    fn line(&mut self) -> Result<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("the original gave no answer within {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("the original has ended"),
        }
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        // It may have ended by itself, and nothing more is wanted of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
