//! What long work says while it runs: one line that is rewritten on a terminal, whole lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often the line on a terminal is rewritten at most.
const REFRESH: Duration = Duration::from_millis(100);
/// A line's length on a terminal whose width nobody asked for.
const WIDTH: usize = 100;

/// A reporter for steps of work.
pub struct Progress {
    terminal: bool,
    step: String,
    started: Instant,
    refreshed: Option<Instant>,
}

impl Progress {
    /// Reports to standard output. Nothing is rewritten when that is no terminal.
    pub fn new() -> Self {
        let terminal =
            io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { terminal, step: String::new(), started: Instant::now(), refreshed: None }
    }

    /// Begins a step. Elsewhere than on a terminal its name is printed only when it ends.
    pub fn begin(&mut self, step: &str) {
        step.clone_into(&mut self.step);
        self.started = Instant::now();
        self.refreshed = None;
        self.detail("");
    }

    /// Shows what the step is at now, on a terminal only.
    pub fn detail(&mut self, detail: &str) {
        let due = self.refreshed.is_none_or(|at| at.elapsed() >= REFRESH);
        if !self.terminal || !due {
            return;
        }
        self.refreshed = Some(Instant::now());
        let text = format!("      {} ({} s) {}", self.step, self.started.elapsed().as_secs(), detail.trim());
        let cut: String = text.chars().take(WIDTH).collect();
        print!("\r\x1b[K{cut}");
        let _ = io::stdout().flush();
    }

    /// Ends the step with a word (`ok`, `FAIL`) and its time.
    pub fn end(&mut self, word: &str) {
        let line = format!("{word:5} {} ({:.1} s)", self.step, self.started.elapsed().as_secs_f64());
        self.line(&line);
        self.step.clear();
    }

    /// Prints a whole line, which stays.
    pub fn line(&mut self, line: &str) {
        if self.terminal {
            print!("\r\x1b[K");
        }
        println!("{line}");
        self.refreshed = None;
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Nothing half-written stays on a terminal when an error ends the work.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && !self.step.is_empty() {
            print!("\r\x1b[K");
            let _ = io::stdout().flush();
        }
    }
}
