//! What can be wrong with a path, a document, or the files around them.

use std::io;

use thiserror::Error as ThisError;

/// Why a document was not patched.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The path cannot be set in any document.
    #[error("path {path:?}: {problem}")]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The document is not valid JSON.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// The line, counted from 1.
        line: u64,
        /// The character in the line, counted from 1.
        column: u64,
        /// What was found there.
        problem: SyntaxProblem,
    },
    /// The path names an element of an array by something that is not a number.
    #[error("path {path:?}: {key:?} names an element of an array; use an index, or -1 to append")]
    NotAnIndex {
        /// The path as it was given.
        path: String,
        /// The key that met an array.
        key: String,
    },
    /// The path leads into a string by a number, and the string has a `[` in it: sjson would take that for an array and edit
    /// the text of the string.
    #[error("path {path:?}: {key:?} leads into a string with a \"[\" in it; set the whole value instead")]
    IntoText {
        /// The path as it was given.
        path: String,
        /// The key that met a string.
        key: String,
    },
    /// The path would fill arrays up with more than 65,536 nulls.
    #[error("path {path:?}: an index would fill an array up with {nulls} nulls; at most 65536 are filled in")]
    IndexTooFar {
        /// The path as it was given.
        path: String,
        /// How many nulls the index that went too far asks for.
        nulls: i64,
    },
    /// The document could not be read.
    #[error("cannot read the document: {0}")]
    Read(#[source] io::Error),
    /// The patched document could not be written.
    #[error("cannot write the patched document: {0}")]
    Write(#[source] io::Error),
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum PathProblem {
    /// One of `*?|#@`, which would make it a query.
    #[error("queries cannot be set (write \"\\{0}\" for the character itself)")]
    Query(char),
}

/// What is not JSON about a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// The document ends inside of a value, or before one.
    #[error("the document ends here, too early")]
    UnexpectedEnd,
    /// It begins with U+FEFF.
    #[error("the document begins with a byte order mark; JSON has none: save the file as UTF-8 without BOM")]
    ByteOrderMark,
    /// Something follows the top-level value.
    #[error("something follows the end of the document")]
    TrailingData,
    /// Neither of `{`, `[`, `"`, a digit, `-`, `true`, `false`, `null`.
    #[error("expected a value")]
    ExpectedValue,
    /// No key where an object needs one.
    #[error("expected a key in double quotes")]
    ExpectedKey,
    /// No colon after a key.
    #[error("expected \":\" after the key")]
    ExpectedColon,
    /// Neither comma nor end after a member.
    #[error("expected \",\" or \"}}\" after this member")]
    ExpectedCommaOrBrace,
    /// Neither comma nor end after an element.
    #[error("expected \",\" or \"]\" after this element")]
    ExpectedCommaOrBracket,
    /// A misspelled `true`, `false` or `null`.
    #[error("expected true, false or null")]
    BadLiteral,
    /// `01`, `1.`, `.5`, `1e`, `+1`.
    #[error("this is not a JSON number")]
    BadNumber,
    /// A backslash with something other than `"\/bfnrtu` and its digits.
    #[error("unknown escape in a string")]
    BadEscape,
    /// A raw control character, such as a line break, in a string.
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    /// Deeper than 10,000 levels.
    #[error("nested more than 10000 levels deep")]
    TooDeep,
}
