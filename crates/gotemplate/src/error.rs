//! What goes wrong, and where.

use std::fmt;
use std::io;

/// Why a template was not parsed or not rendered.
///
/// Messages read `site.json:3:12: .Vars.sitee: no such key; known: area, site` (file, line, character, what, why). They
/// hold names and types, never the values of the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a template.
    #[error("{0}")]
    Syntax(Fault),
    /// The template asks for something that the data does not have, or that a function cannot do.
    #[error("{0}")]
    Render(Fault),
    /// The template would take more than [`Limits`](crate::Limits) allow.
    #[error("{0}")]
    Limit(Fault),
    /// The output could not be written.
    #[error("cannot write the rendered text: {0}")]
    Write(#[source] io::Error),
}

impl Error {
    /// The place and the message, unless it was the output that failed.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Syntax(fault) | Self::Render(fault) | Self::Limit(fault) => Some(fault),
            Self::Write(_) => None,
        }
    }
}

/// A place in a template and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The template's name, as it was given.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.template, self.line, self.column, self.message)
    }
}

impl Fault {
    /// The fault at a byte offset of a template's text.
    pub(crate) fn at(template: &str, text: &[u8], offset: usize, message: String) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        Self {
            template: template.to_owned(),
            line: before.split(|byte| *byte == b'\n').count(),
            column: crate::unicode::count(&before[line_start..]) + 1,
            message,
        }
    }
}

/// A failure on its way to the place that knows the template's name: an offset, a kind, a message.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) offset: usize,
    /// Boxed: every token and every value is returned beside it.
    pub(crate) kind: Box<Kind>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Syntax(String),
    Render(String),
    Limit(String),
    Write(io::Error),
}

impl Failure {
    pub(crate) fn syntax(offset: usize, message: impl Into<String>) -> Self {
        Self::new(offset, Kind::Syntax(message.into()))
    }

    pub(crate) fn render(offset: usize, message: impl Into<String>) -> Self {
        Self::new(offset, Kind::Render(message.into()))
    }

    pub(crate) fn limit(offset: usize, message: impl Into<String>) -> Self {
        Self::new(offset, Kind::Limit(message.into()))
    }

    pub(crate) fn new(offset: usize, kind: Kind) -> Self {
        Self { offset, kind: Box::new(kind) }
    }

    pub(crate) fn into_error(self, template: &str, text: &[u8]) -> Error {
        let fault = |message| Fault::at(template, text, self.offset, message);
        match *self.kind {
            Kind::Syntax(message) => Error::Syntax(fault(message)),
            Kind::Render(message) => Error::Render(fault(message)),
            Kind::Limit(message) => Error::Limit(fault(message)),
            Kind::Write(error) => Error::Write(error),
        }
    }
}
