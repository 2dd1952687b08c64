//! Reads what `cargo test` prints, line by line, into counts and the output of what failed.

/// Numbers of tests, over any number of test binaries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that succeeded.
    pub passed: usize,
    /// Tests that did not, and binaries that ended without a result.
    pub failed: usize,
    /// Tests marked as ignored.
    pub skipped: usize,
}

impl Tally {
    /// One check that either holds or does not.
    pub fn check(holds: bool) -> Self {
        Self { passed: usize::from(holds), failed: usize::from(!holds), skipped: 0 }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// How many tests there were.
    pub fn total(self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

/// The closing line: `N passed, N failed`, and `, N skipped` when there are any.
impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// What one test binary, or the doc tests of one crate, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Such as `http (tests/http.rs)`.
    pub name: String,
    /// Its tests.
    pub tally: Tally,
    /// What it printed, without the lines of tests that succeeded.
    pub output: String,
}

/// The reader. Lines before the first binary (building) are not its business.
#[derive(Debug, Default)]
pub struct Reader {
    current: Option<Binary>,
}

#[derive(Debug)]
struct Binary {
    name: String,
    output: String,
    /// One a `running N tests` line: doc tests have several.
    sections: Vec<Section>,
}

#[derive(Debug, Default)]
struct Section {
    announced: Tally,
    /// Overwritten by each line that looks like it: the last is libtest's own, after the output of failed tests.
    result: Option<Tally>,
}

impl Reader {
    /// Takes one line, without its end. Gives the outcome of the binary before when the line opens the next.
    pub fn line(&mut self, line: &str) -> Option<Outcome> {
        if let Some(name) = header(line) {
            let before = self.current.take().map(Binary::outcome);
            self.current = Some(Binary { name, output: String::new(), sections: Vec::new() });
            return before;
        }
        if let Some(binary) = &mut self.current {
            binary.line(line);
        }
        None
    }

    /// The outcome of the last binary.
    pub fn end(self) -> Option<Outcome> {
        self.current.map(Binary::outcome)
    }
}

impl Binary {
    fn line(&mut self, line: &str) {
        if is_start(line) {
            self.sections.push(Section::default());
        }
        let Some(section) = self.sections.last_mut() else {
            self.keep(line);
            return;
        };
        if let Some(result) = result(line) {
            section.result = Some(result);
        }
        match verdict(line) {
            Some(Verdict::Passed) => section.announced.passed += 1,
            Some(Verdict::Skipped) => section.announced.skipped += 1,
            Some(Verdict::Failed) => {
                section.announced.failed += 1;
                self.keep(line);
            }
            None => self.keep(line),
        }
    }

    fn keep(&mut self, line: &str) {
        self.output.push_str(line);
        self.output.push('\n');
    }

    fn outcome(self) -> Outcome {
        let tally = self.sections.iter().map(Section::tally).fold(Tally::default(), Tally::plus);
        // A binary that ended before `running N tests` did not test what it should have.
        let tally = if self.sections.is_empty() { Tally::check(false) } else { tally };
        Outcome { name: self.name, tally, output: self.output }
    }
}

impl Section {
    fn tally(&self) -> Tally {
        self.result.unwrap_or_else(|| self.announced.plus(Tally::check(false)))
    }
}

/// The name of the binary that a line of cargo announces.
fn header(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("   Doc-tests ") {
        return Some(format!("{name} (documentation)"));
    }
    let (source, program) = line.strip_prefix("     Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let source = source.strip_prefix("unittests ").unwrap_or(source);
    let program = program.rsplit('/').next()?;
    let name = program.rsplit_once('-').map_or(program, |(name, _hash)| name);
    Some(format!("{name} ({source})"))
}

fn is_start(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next() == Some("running")
        && words.next().is_some_and(|number| number.parse::<usize>().is_ok())
        && matches!(words.next(), Some("test" | "tests"))
        && words.next().is_none()
}

enum Verdict {
    Passed,
    Failed,
    Skipped,
}

fn verdict(line: &str) -> Option<Verdict> {
    let (_, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match verdict {
        "ok" => Some(Verdict::Passed),
        "FAILED" => Some(Verdict::Failed),
        _ if verdict.starts_with("ignored") => Some(Verdict::Skipped),
        _ => None,
    }
}

fn result(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut parts = counts.split("; ");
    let mut count = |unit: &str| parts.next()?.strip_suffix(unit)?.trim_end().parse().ok();
    Some(Tally { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
}

#[cfg(test)]
mod tests;
