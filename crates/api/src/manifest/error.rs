//! What is wrong with a manifest, where, and what to write instead.

use std::fmt;

use crate::path::FieldPath;

/// More problems than this are counted, not listed: whoever has that many starts at the top anyway.
const SHOWN: usize = 20;

/// Everything that is wrong with one manifest, at least one problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    file: Box<str>,
    problems: Vec<Problem>,
}

impl ManifestError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.place.cmp(&b.place).then_with(|| a.path.cmp(&b.path)));
        Self { file: file.into(), problems }
    }

    /// The problems in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ManifestError {}

/// One line for each problem, `file:line:column: field: words`.
impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().take(SHOWN).enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            match problem.place {
                Some((line, column)) => write!(f, "{}:{line}:{column}: ", self.file)?,
                None => write!(f, "{}: ", self.file)?,
            }
            if !problem.path.is_top() {
                write!(f, "{}: ", problem.path)?;
            }
            f.write_str(&problem.words)?;
        }
        match self.problems.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, counted from 1; `None` when it is about the file as a whole.
    pub place: Option<(u32, u32)>,
    /// The field; the top when it is about the document as a whole.
    pub path: FieldPath,
    /// What is wrong and what to do.
    pub words: String,
}

impl Problem {
    pub(super) fn of_file(words: String) -> Self {
        Self { place: None, path: FieldPath::default(), words }
    }
}
