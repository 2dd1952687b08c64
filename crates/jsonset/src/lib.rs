//! Sets values in JSON documents by path, as `tidwall/sjson` does, by editing bytes.
//!
//! For programs that change a value in a file which somebody else owns: every byte outside the edit stays as it was (key
//! order, white space, spelling of numbers, escapes, duplicate keys), and new keys appear where sjson puts them, in its
//! formatting. The document is read twice from a [`Read`](std::io::Read) + [`Seek`](std::io::Seek), never held: first to see that it is valid JSON
//! and that every path can be set, then to write; so nothing is written for a document that cannot be patched, and memory
//! does not grow with the document.
//!
//! ```
//! use std::collections::BTreeMap;
//! use stoker_jsonset::{Patches, parse_value};
//!
//! let set = BTreeMap::from([
//!     ("title", parse_value("Line 7")),
//!     ("tags.0.value", parse_value(" 21.50 ")),
//!     ("tags.-1", parse_value(r#"{"name": "new"}"#)),
//! ]);
//! let patches = Patches::new(set)?;
//! let patched = patches.apply_to_bytes(b"{ \"title\" : \"?\", \"tags\": [ {\"value\": 1} ] }\n")?;
//! assert_eq!(
//!     patched,
//!     b"{ \"title\" : \"Line 7\", \"tags\": [ {\"value\": 21.50} ,{\"name\": \"new\"}] }\n"
//! );
//! # Ok::<(), stoker_jsonset::Error>(())
//! ```
//!
//! # Paths
//!
//! Keys joined by dots. A number is an index where the document has an array, and a key where it has an object; `-1`
//! appends to an array; `\` makes the next character plain (`fav\.movie`); a leading `:` keeps a number from making an array
//! (`users.:2313.name`). Where a path leads on from a number, a string, a boolean or null, that value gives way to a
//! new object, or to an array when the next key is a number. An index beyond the end is filled up with `null`.
//!
//! # Kept from the original, though it may surprise
//!
//! - Of keys that are there twice, the first is meant.
//! - What is *added* to the top-level value, a new key or an element beyond its end, drops the white space before and after
//!   that value, a final newline with it: `{"a":1}⏎` becomes `{"a":1,"b":2}`. That is sjson's formatting of new keys, and who comes
//!   from sjson has files with exactly these bytes. Where a value is replaced, and wherever something is added deeper down, the
//!   white space around the document stays, a final newline or its absence with it.
//! - An index beyond the end of an array rewrites that array without white space between its elements.
//!
//! # Different from the original
//!
//! - Paths with an unescaped `*`, `?`, `|`, `#` or `@` are refused: there they are queries, which set the first of what
//!   matches, or silently nothing.
//! - The document has to be valid JSON, with arrays and objects nested at most 10,000 deep, without a byte order mark.
//! - At most 65,536 `null`s are filled in by one path.
//! - A number that leads into a string with a `[` in it is refused: sjson takes that for an array and edits the text.
//!
//! This crate must not know what the documents mean, nor where they lie.

mod apply;
mod build;
mod editor;
mod error;
mod key;
mod path;
mod skip;
mod validate;
mod value;

pub use apply::{Outcome, Patches};
pub use error::{Error, PathProblem, SyntaxProblem};
pub use value::{Value, parse_value};
