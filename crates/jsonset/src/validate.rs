//! Says whether a stream of bytes is one valid JSON document, as Go's `encoding/json` judges it.

use crate::error::SyntaxProblem;

/// How deep arrays and objects may nest; the bound of Go's `encoding/json`.
const MAX_DEPTH: usize = 10_000;

/// Where in the document, counted in bytes, and what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) problem: SyntaxProblem,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of the array that has just begun.
    FirstElement,
    /// A key, or the end of the object that has just begun.
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of what holds the value; only white space at the top.
    AfterValue,
    /// The rest of a string, which may be a key.
    Text {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Hex {
        key: bool,
        left: u8,
    },
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Number(Number),
}

/// How far a number has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// A validator that is fed in pieces. Its memory is one bit for each open array or object.
#[derive(Debug)]
pub(crate) struct Validator {
    expect: Expect,
    nesting: Nesting,
    offset: u64,
}

impl Default for Validator {
    fn default() -> Self {
        Self { expect: Expect::Value, nesting: Nesting::default(), offset: 0 }
    }
}

impl Validator {
    /// Reads on. The first piece is long enough for a byte order mark, or the whole document. After a fault the validator is of no further use.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if matches!(self.expect, Expect::Text { .. }) && is_plain(byte) {
                at += plain_length(&input[at..]);
                continue;
            }
            match self.step(byte) {
                Ok(true) => at += 1,
                Ok(false) => {}
                Err(_) if self.offset == 0 && at == 0 && begins_with_mark(input) => {
                    return Err(Fault { offset: 0, problem: SyntaxProblem::ByteOrderMark });
                }
                Err(problem) => return Err(Fault { offset: self.offset + at as u64, problem }),
            }
        }
        self.offset += input.len() as u64;
        Ok(())
    }

    /// Says whether the document may end here.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let complete = self.nesting.depth == 0
            && match self.expect {
                Expect::AfterValue => true,
                Expect::Number(number) => number.may_end(),
                _ => false,
            };
        if complete {
            Ok(())
        } else {
            Err(Fault { offset: self.offset, problem: SyntaxProblem::UnexpectedEnd })
        }
    }

    /// Takes one byte; `false` when a number ended before it and it has to be looked at again.
    fn step(&mut self, byte: u8) -> Result<bool, SyntaxProblem> {
        self.expect = match self.expect {
            Expect::Text { key } => text(byte, key)?,
            Expect::Escape { key } => escape(byte, key)?,
            Expect::Hex { key, left } => hex(byte, key, left)?,
            Expect::Literal(rest) => literal(byte, rest)?,
            Expect::Number(number) => {
                let Some(next) = number.next(byte)? else {
                    self.expect = Expect::AfterValue;
                    return Ok(false);
                };
                Expect::Number(next)
            }
            _ if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => return Ok(true),
            Expect::FirstElement if byte == b']' => self.close(),
            Expect::Value | Expect::FirstElement => self.value(byte)?,
            Expect::FirstKey if byte == b'}' => self.close(),
            Expect::FirstKey | Expect::Key => match byte {
                b'"' => Expect::Text { key: true },
                _ => return Err(SyntaxProblem::ExpectedKey),
            },
            Expect::Colon => match byte {
                b':' => Expect::Value,
                _ => return Err(SyntaxProblem::ExpectedColon),
            },
            Expect::AfterValue => self.after_value(byte)?,
        };
        Ok(true)
    }

    fn value(&mut self, byte: u8) -> Result<Expect, SyntaxProblem> {
        Ok(match byte {
            b'{' => {
                self.nesting.push(true)?;
                Expect::FirstKey
            }
            b'[' => {
                self.nesting.push(false)?;
                Expect::FirstElement
            }
            b'"' => Expect::Text { key: false },
            b't' => Expect::Literal(b"rue"),
            b'f' => Expect::Literal(b"alse"),
            b'n' => Expect::Literal(b"ull"),
            b'-' => Expect::Number(Number::Minus),
            b'0' => Expect::Number(Number::Zero),
            b'1'..=b'9' => Expect::Number(Number::Integer),
            _ => return Err(SyntaxProblem::ExpectedValue),
        })
    }

    fn after_value(&mut self, byte: u8) -> Result<Expect, SyntaxProblem> {
        match (self.nesting.top(), byte) {
            (None, _) => Err(SyntaxProblem::TrailingData),
            (Some(true), b',') => Ok(Expect::Key),
            (Some(false), b',') => Ok(Expect::Value),
            (Some(true), b'}') | (Some(false), b']') => Ok(self.close()),
            (Some(true), _) => Err(SyntaxProblem::ExpectedCommaOrBrace),
            (Some(false), _) => Err(SyntaxProblem::ExpectedCommaOrBracket),
        }
    }

    fn close(&mut self) -> Expect {
        self.nesting.depth -= 1;
        Expect::AfterValue
    }
}

/// Whether a document begins with U+FEFF, as far as it has been read.
fn begins_with_mark(input: &[u8]) -> bool {
    input.starts_with(b"\xEF\xBB\xBF")
}

fn text(byte: u8, key: bool) -> Result<Expect, SyntaxProblem> {
    match byte {
        b'"' if key => Ok(Expect::Colon),
        b'"' => Ok(Expect::AfterValue),
        b'\\' => Ok(Expect::Escape { key }),
        0..=0x1F => Err(SyntaxProblem::ControlCharacter),
        _ => Ok(Expect::Text { key }),
    }
}

fn escape(byte: u8, key: bool) -> Result<Expect, SyntaxProblem> {
    match byte {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(Expect::Text { key }),
        b'u' => Ok(Expect::Hex { key, left: 4 }),
        _ => Err(SyntaxProblem::BadEscape),
    }
}

fn hex(byte: u8, key: bool, left: u8) -> Result<Expect, SyntaxProblem> {
    match (byte.is_ascii_hexdigit(), left) {
        (false, _) => Err(SyntaxProblem::BadEscape),
        (true, 1) => Ok(Expect::Text { key }),
        (true, _) => Ok(Expect::Hex { key, left: left - 1 }),
    }
}

fn literal(byte: u8, rest: &'static [u8]) -> Result<Expect, SyntaxProblem> {
    match rest.split_first() {
        Some((wanted, [])) if *wanted == byte => Ok(Expect::AfterValue),
        Some((wanted, rest)) if *wanted == byte => Ok(Expect::Literal(rest)),
        _ => Err(SyntaxProblem::BadLiteral),
    }
}

impl Number {
    /// What the number is after one more byte; `None` when it ended before it.
    fn next(self, byte: u8) -> Result<Option<Self>, SyntaxProblem> {
        let next = match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => Self::ExponentDigits,
            (Self::Zero, b'0'..=b'9') => return Err(SyntaxProblem::BadNumber),
            _ if self.may_end() => return Ok(None),
            _ => return Err(SyntaxProblem::BadNumber),
        };
        Ok(Some(next))
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::ExponentDigits)
    }
}

/// Whether a byte of a string needs no attention.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

fn plain_length(input: &[u8]) -> usize {
    input.iter().position(|byte| !is_plain(*byte)).unwrap_or(input.len())
}

/// The open arrays and objects, one bit each.
#[derive(Debug, Default)]
struct Nesting {
    objects: Vec<u64>,
    depth: usize,
}

impl Nesting {
    fn push(&mut self, object: bool) -> Result<(), SyntaxProblem> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxProblem::TooDeep);
        }
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.objects.len() {
            self.objects.push(0);
        }
        self.objects[word] = self.objects[word] & !(1 << bit) | (u64::from(object) << bit);
        self.depth += 1;
        Ok(())
    }

    /// Whether the innermost is an object; `None` at the top level.
    fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        Some(self.objects[last / 64] >> (last % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault of a document, which must not depend on how it is cut.
    fn fault(document: &[u8]) -> Option<(u64, SyntaxProblem)> {
        let whole = check(document, document.len().max(1));
        for piece in 3..7 {
            assert_eq!(check(document, piece), whole, "{document:?} in pieces of {piece}");
        }
        whole.err().map(|fault| (fault.offset, fault.problem))
    }

    fn check(document: &[u8], piece: usize) -> Result<(), Fault> {
        let mut validator = Validator::default();
        document.chunks(piece).try_for_each(|piece| validator.feed(piece))?;
        validator.finish()
    }

    #[test]
    fn valid_documents_pass() {
        for document in [
            "0",
            "-0",
            "10",
            "-1.5e+10",
            "0E0",
            "1e-9",
            "true",
            " false ",
            "null\n",
            "\"\"",
            r#""\u00e9\\\"\/\b\f\n\r\t""#,
            "[]",
            "[ ]",
            "{}",
            "{ }",
            "[1,[2,{\"a\":[]}],\"x\"]",
            "{\"a\":{\"b\":1},\"a\":null}",
            "\t[\r\n1\n]\n",
        ] {
            assert_eq!(fault(document.as_bytes()), None, "{document}");
        }
        assert_eq!(
            fault(b"\"\xff\xfe\""),
            None,
            "any byte above the control characters may stand in a string"
        );
    }

    #[test]
    fn faults_are_found_where_they_are() {
        use SyntaxProblem as P;
        let cases: [(&str, u64, P); 31] = [
            ("", 0, P::UnexpectedEnd),
            (" \n", 2, P::UnexpectedEnd),
            ("{\"a\":1", 6, P::UnexpectedEnd),
            ("\"a", 2, P::UnexpectedEnd),
            ("tru", 3, P::UnexpectedEnd),
            ("-", 1, P::UnexpectedEnd),
            ("1e+", 3, P::UnexpectedEnd),
            ("1.", 2, P::UnexpectedEnd),
            ("\u{feff}{}", 0, P::ByteOrderMark),
            ("{}{}", 2, P::TrailingData),
            ("1 2", 2, P::TrailingData),
            ("nulll", 4, P::TrailingData),
            ("trux", 3, P::BadLiteral),
            ("x", 0, P::ExpectedValue),
            ("[1,]", 3, P::ExpectedValue),
            ("[,1]", 1, P::ExpectedValue),
            ("{\"a\":}", 5, P::ExpectedValue),
            ("+1", 0, P::ExpectedValue),
            (".5", 0, P::ExpectedValue),
            ("{a:1}", 1, P::ExpectedKey),
            ("{\"a\":1,}", 7, P::ExpectedKey),
            ("{\"a\" 1}", 5, P::ExpectedColon),
            ("{\"a\":1 \"b\":2}", 7, P::ExpectedCommaOrBrace),
            ("[1 2]", 3, P::ExpectedCommaOrBracket),
            ("[1}", 2, P::ExpectedCommaOrBracket),
            ("01", 1, P::BadNumber),
            ("1.x", 2, P::BadNumber),
            ("-a", 1, P::BadNumber),
            ("\"\\x\"", 2, P::BadEscape),
            ("\"\\u12g4\"", 5, P::BadEscape),
            ("\"a\nb\"", 2, P::ControlCharacter),
        ];
        for (document, offset, problem) in cases {
            assert_eq!(fault(document.as_bytes()), Some((offset, problem)), "{document:?}");
        }
    }

    #[test]
    fn depth_is_bounded_where_the_original_bounds_it() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(fault(nested(10_000).as_bytes()), None);
        assert_eq!(fault(nested(10_001).as_bytes()), Some((10_000, SyntaxProblem::TooDeep)));
    }
}
