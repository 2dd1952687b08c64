//! The values of literals: numbers, quoted strings, characters, by the rules of Go's `strconv`.

mod number;
mod quoted;

pub(crate) use number::{Number, complex, number};
pub(crate) use quoted::{character, string};
