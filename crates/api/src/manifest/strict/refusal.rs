//! Why a value does not fit, before and after its place is known.

use std::fmt;

use serde::de::{self, Unexpected};

use crate::path::FieldPath;

/// A value that does not fit.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// Line and column, once they are known.
    pub place: Option<(u32, u32)>,
    /// Until the place is known, the rest of the way from the value that refused.
    pub path: FieldPath,
    pub words: String,
    pub lack: Lack,
}

/// What a type could not know when it refused, and the place adds.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Lack {
    #[default]
    Nothing,
    /// A required field is not there, or has no value.
    Field,
    /// What the value is instead.
    Actual,
}

/// Boxed, because every reading method returns it.
#[derive(Debug)]
pub(super) struct Refused(pub Box<Refusal>);

impl std::ops::Deref for Refused {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl Refused {
    pub fn new(words: String) -> Self {
        Self(Box::new(Refusal { words, ..Refusal::default() }))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let words = format!("must be {expected}");
        Self(Box::new(Refusal { words, lack: Lack::Actual, ..Refusal::default() }))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Box::new(Refusal {
            path: FieldPath::default().key(field),
            words: "is required and missing".to_owned(),
            lack: Lack::Field,
            ..Refusal::default()
        }))
    }
}
