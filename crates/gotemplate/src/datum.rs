//! The values that a running template handles: the data, borrowed, and what functions make of it.

use std::rc::Rc;

use crate::literal::Number;
use crate::value::{Map, Struct, Value};

/// A value while a template runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Datum<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// A `uint8`: what indexing a string gives.
    Byte(u8),
    Float(f64),
    Complex(f64, f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(&'a Map),
    Struct(&'a Struct),
}

/// A string: any bytes.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Borrowed(&'a [u8]),
    Made(Rc<[u8]>),
}

/// A slice of the data's lists. It may be sliced again beyond its length, up to its capacity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a> {
    /// As many as the capacity.
    pub(crate) reach: &'a [Value],
    pub(crate) length: usize,
}

impl<'a> List<'a> {
    pub(crate) fn items(&self) -> &'a [Value] {
        &self.reach[..self.length]
    }
}

impl Text<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

impl<'a> Datum<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::String(text) => Self::Text(Text::Borrowed(text.as_bytes())),
            Value::List(items) => Self::List(List { reach: items, length: items.len() }),
            Value::Map(map) => Self::Map(map),
            Value::Struct(fields) => Self::Struct(fields),
        }
    }

    /// `None` for a whole number that no `int` can hold.
    pub(crate) fn of_number(number: Number) -> Option<Self> {
        Some(match number {
            Number::Int(value) => Self::Int(value),
            Number::Float(value) => Self::Float(value),
            Number::Complex(real, imaginary) => Self::Complex(real, imaginary),
            Number::TooLarge => return None,
        })
    }

    /// A length or an index.
    pub(crate) fn of_length(length: usize) -> Self {
        Self::Int(i64::try_from(length).unwrap_or(i64::MAX))
    }

    pub(crate) fn made(text: Vec<u8>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// Not the zero of its type; a struct is always true.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Byte(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Text(text) => !text.bytes().is_empty(),
            Self::List(list) => list.length > 0,
            Self::Map(map) => !map.entries().is_empty(),
            Self::Struct(_) => true,
        }
    }

    /// The type as Go spells it.
    pub(crate) fn type_name(&self) -> &'a str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(map) if map.is_of_strings() => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Struct(fields) => fields.type_name(),
        }
    }

    /// The type in a message to people.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Byte(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Complex(..) => "a complex number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Struct(_) => "a struct",
        }
    }
}
