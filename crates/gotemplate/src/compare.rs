//! `eq ne lt le gt ge`.

use std::cmp::Ordering;

use crate::datum::Datum;

/// The kinds within which values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Byte,
    Float,
    Complex,
    Text,
}

fn basic(value: &Datum<'_>) -> Option<Basic> {
    Some(match value {
        Datum::Bool(_) => Basic::Bool,
        Datum::Int(_) => Basic::Int,
        Datum::Byte(_) => Basic::Byte,
        Datum::Float(_) => Basic::Float,
        Datum::Complex(..) => Basic::Complex,
        Datum::Text(_) => Basic::Text,
        Datum::Nil | Datum::List(_) | Datum::Map(_) | Datum::Struct(_) => return None,
    })
}

/// Whether two values are equal; it is an error to ask that of different types, unless one is nil, and of what Go
/// cannot compare.
pub(crate) fn equal(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    Ok(match (a, b) {
        (Datum::Bool(a), Datum::Bool(b)) => a == b,
        (Datum::Int(a), Datum::Int(b)) => a == b,
        (Datum::Byte(a), Datum::Byte(b)) => a == b,
        (Datum::Int(int), Datum::Byte(byte)) | (Datum::Byte(byte), Datum::Int(int)) => {
            *int == i64::from(*byte)
        }
        #[expect(clippy::float_cmp, reason = "eq is Go's ==")]
        (Datum::Float(a), Datum::Float(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "eq is Go's ==")]
        (Datum::Complex(a, b), Datum::Complex(c, d)) => a == c && b == d,
        (Datum::Text(a), Datum::Text(b)) => a.bytes() == b.bytes(),
        (Datum::Nil, Datum::Nil) => true,
        (Datum::Nil, _) | (_, Datum::Nil) => false,
        _ => return Err(incompatible(a, b)),
    })
}

/// Whether `a` comes before `b`.
pub(crate) fn less(a: &Datum<'_>, b: &Datum<'_>) -> Result<bool, String> {
    Ok(match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => a < b,
        (Datum::Byte(a), Datum::Byte(b)) => a < b,
        (Datum::Int(a), Datum::Byte(b)) => *a < i64::from(*b),
        (Datum::Byte(a), Datum::Int(b)) => i64::from(*a) < *b,
        (Datum::Float(a), Datum::Float(b)) => a < b,
        (Datum::Text(a), Datum::Text(b)) => a.bytes().cmp(b.bytes()) == Ordering::Less,
        _ => return Err(incompatible(a, b)),
    })
}

fn incompatible(a: &Datum<'_>, b: &Datum<'_>) -> String {
    match (basic(a), basic(b)) {
        (Some(kind), Some(other)) if kind == other => format!("{} has no order", a.kind_name()),
        (Some(_), Some(_)) => format!("cannot compare {} with {}", a.kind_name(), b.kind_name()),
        (None, _) => format!("{} cannot be compared", a.kind_name()),
        (_, None) => format!("{} cannot be compared", b.kind_name()),
    }
}

/// How much a comparison costs, in steps.
pub(crate) fn cost(a: &Datum<'_>, b: &Datum<'_>) -> u64 {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => a.bytes().len().min(b.bytes().len()) as u64 / 64,
        _ => 0,
    }
}
