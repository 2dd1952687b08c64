//! What the viewer sees: steps and verified facts on a terminal or in a pipe, or one JSON object a step.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// Terminals have 80 columns until somebody widens them.
const COLUMNS: usize = 80;
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Where everything is printed. Every write can fail: the reader of a pipe may go away, and what was started must be
/// stopped then too.
#[derive(Debug)]
pub(super) struct Stage {
    json: bool,
    terminal: bool,
    colour: bool,
    steps: usize,
}

impl Stage {
    pub(super) fn new(json: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stdout().is_terminal() && !dumb && !json;
        Self { json, terminal, colour: terminal && !set("NO_COLOR"), steps: 0 }
    }

    /// Whether somebody is there who can push and press Ctrl-C.
    pub(super) fn has_viewer(&self) -> bool {
        self.terminal && io::stdin().is_terminal()
    }

    /// A line for people only, as it is.
    pub(super) fn line(&self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        print(&format!("{}{text}\n", self.clear()))
    }

    /// A line that people need whatever the format; it goes to standard error where standard output is for programs.
    pub(super) fn note(&self, text: &str) -> Result<()> {
        if self.json {
            eprintln!("{text}");
            return Ok(());
        }
        self.line(text)
    }

    /// Begins a step with its title.
    pub(super) fn begin(&mut self, title: &str) -> Result<()> {
        self.steps += 1;
        self.line(&format!("\n{}", self.painted(BOLD, &format!("{}  {title}", self.steps))))
    }

    /// What was just verified.
    pub(super) fn fact(&self, text: &str) -> Result<()> {
        self.line(&wrapped(&format!("   {} ", self.painted(GREEN, "✓")), text))
    }

    /// Work that takes a while has begun: gone with the next line on a terminal, else a line that stays.
    pub(super) fn working(&self, text: &str) -> Result<()> {
        if self.terminal { self.waiting(text) } else { self.note(&format!("   {text} …")) }
    }

    /// What is being waited for; on a terminal only, and gone with the next line.
    pub(super) fn waiting(&self, text: &str) -> Result<()> {
        if !self.terminal {
            return Ok(());
        }
        print(&format!("{}{}", self.clear(), self.painted(DIM, &format!("   … {text}"))))
    }

    /// Ends a step that held, with its figures (an object).
    pub(super) fn passed(&self, step: &str, figures: Value) -> Result<()> {
        self.object(step, true, figures)
    }

    /// Ends a step that did not.
    pub(super) fn failed(&self, step: &str, error: &anyhow::Error) -> Result<()> {
        self.line(&wrapped(&format!("   {} ", self.painted(RED, "✗")), &format!("{error:#}")))?;
        self.object(step, false, json!({ "error": format!("{error:#}") }))
    }

    fn object(&self, step: &str, ok: bool, figures: Value) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut object = Map::new();
        object.insert("step".to_owned(), step.into());
        object.insert("ok".to_owned(), ok.into());
        if let Value::Object(mut figures) = figures {
            object.append(&mut figures);
        }
        print(&format!("{}\n", Value::Object(object)))
    }

    fn clear(&self) -> &'static str {
        if self.terminal { "\r\x1b[K" } else { "" }
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("failed to print")
}

/// The text after a mark of five columns, broken between words, its later lines below its first.
fn wrapped(mark: &str, text: &str) -> String {
    const INDENT: usize = 5;
    let mut lines = vec![String::new()];
    for word in text.split([' ', '\n']) {
        let room = COLUMNS - INDENT;
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    format!("{mark}{}", lines.join(&format!("\n{}", " ".repeat(INDENT))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_fit_eighty_columns_whatever_they_say() {
        let text = "a file of the gateway ".repeat(20);
        let lines = wrapped("   ✓ ", &text);
        assert!(lines.lines().count() > 1);
        assert!(lines.lines().all(|line| line.chars().count() <= COLUMNS), "{lines}");
        assert!(lines.lines().skip(1).all(|line| line.starts_with("     ")));
        assert_eq!(wrapped("   ✓ ", "short"), "   ✓ short");
        let unbroken = format!("{} 5\u{a0}s", "x".repeat(COLUMNS - 6));
        assert!(wrapped("   ✓ ", &unbroken).ends_with("\n     5\u{a0}s"));
    }
}
