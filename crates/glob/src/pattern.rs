//! A compiled pattern.

use std::fmt;

use crate::shape::Shape;
use crate::validate::{self, Error};

/// One compiled glob pattern. Cheap to match, [`Send`] and [`Sync`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    shape: Shape,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// Fails for an unclosed or empty class, an unbalanced brace, a `\` at the end, and for more alternatives than a
    /// match may cost (see [`Problem::TooManyAlternatives`](crate::Problem::TooManyAlternatives)).
    pub fn new(pattern: &str) -> Result<Self, Error> {
        validate::check(pattern)?;
        Ok(Self { text: pattern.into(), shape: Shape::of(pattern) })
    }

    /// Whether the whole of `path` matches. `/` separates components; nothing is normalised.
    pub fn matches(&self, path: &str) -> bool {
        self.shape.matches(&self.text, path)
    }

    /// Whether a match of a directory is a match of everything below it too.
    pub(crate) fn covers_descendants(&self) -> bool {
        self.shape.covers_descendants(&self.text)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
