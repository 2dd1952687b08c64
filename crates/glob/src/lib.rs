//! Glob patterns over slash-separated paths, with the semantics of Go's `bmatcuk/doublestar` (v4).
//!
//! For programs that must read the patterns users wrote for that library and come to the same answer, byte for byte:
//! `**` spans directories when it is a whole component (`a/**` matches `a` itself), `*` and `?` stay within one,
//! classes (`[a-z]`, `[^a]`, `[!a]`), nested alternatives (`{a,b/{c,d}}`), `\` makes the next character plain, and
//! characters are characters, not bytes. Patterns are compiled once; matching never fails and never allocates, but for
//! patterns with alternatives.
//!
//! [`PathFilter`] is a set of exclude patterns over a directory tree, where a pattern that ends in `/` means a directory
//! and everything below it.
//!
//! ```
//! use stoker_glob::{PathFilter, Pattern};
//!
//! let pattern = Pattern::new("projects/**/{view,script}.{json,py}")?;
//! assert!(pattern.matches("projects/line1/views/main/view.json"));
//! assert!(!pattern.matches("projects/line1/resource.json"));
//!
//! let filter = PathFilter::new(["**/.git/", "**/*.bak"])?;
//! assert!(filter.excluded("projects/.git/config", false));
//! assert!(filter.excludes_whole_directory("projects/.git"));
//! assert!(!filter.excluded("projects/.gitignore", false));
//! # Ok::<(), stoker_glob::Error>(())
//! ```
//!
//! One thing is stricter than `doublestar.Match`, on purpose: a malformed pattern is an error when it is compiled, as
//! `doublestar.ValidatePattern` says it, and not only for the names for which the matcher happens to reach the fault.
//!
//! This crate must not know files, directories on a disk, or what the patterns are for.

mod filter;
mod matcher;
mod pattern;
mod shape;
mod validate;

pub use filter::PathFilter;
pub use pattern::Pattern;
pub use validate::{Error, Problem};
