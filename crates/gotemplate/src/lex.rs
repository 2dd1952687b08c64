//! Cuts a template's text into tokens.
//!
//! Two modes alternate: text up to `{{`, and the words of an action up to `}}`. White space inside an action is a token,
//! because `.a .b` are two operands and `.a.b` is one.

use crate::error::Failure;
use crate::unicode::{decode, is_alphanumeric};

/// One token: its kind and where it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Plain text, white space already trimmed.
    Text,
    LeftDelim,
    RightDelim,
    /// A run of white space in an action.
    Space,
    /// `.name`
    Field,
    /// `.` alone.
    Dot,
    /// `$` or `$name`
    Variable,
    /// A function's name.
    Identifier,
    Bool,
    Nil,
    Number,
    /// `1+2i`
    Complex,
    /// `'x'`
    Character,
    /// `"x"`
    String,
    /// `` `x` ``
    RawString,
    Pipe,
    LeftParen,
    RightParen,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// Some other printable ASCII character.
    Other(u8),
    Keyword(Keyword),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Keyword {
    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

pub(crate) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    in_action: bool,
    /// Where the action at hand began, for errors.
    action_start: usize,
    open_parens: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, in_action: false, action_start: 0, open_parens: 0 }
    }

    /// The next token; [`Kind::End`] at the end, again and again.
    pub(crate) fn next(&mut self) -> Result<Token, Failure> {
        if self.in_action { self.action() } else { self.outside() }
    }

    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        Token { kind, start, end: self.at }
    }

    /// The character at hand, which is not taken.
    fn peek(&self) -> Option<char> {
        decode(self.rest()).map(|(character, _)| character)
    }

    fn outside(&mut self) -> Result<Token, Failure> {
        loop {
            let start = self.at;
            let Some(length) = find(self.rest(), *b"{{") else {
                self.at = self.text.len();
                let kind = if start == self.at { Kind::End } else { Kind::Text };
                return Ok(self.token(kind, start));
            };
            let delim = start + length;
            let trims = is_left_trim(&self.text[delim + 2..]);
            let end = if trims { start + trim_end(&self.text[start..delim]) } else { delim };
            self.at = delim;
            if end > start {
                return Ok(Token { kind: Kind::Text, start, end });
            }
            self.at = delim + 2 + if trims { 2 } else { 0 };
            if self.rest().starts_with(b"/*") {
                self.comment(delim)?;
                continue;
            }
            self.in_action = true;
            self.action_start = delim;
            self.open_parens = 0;
            return Ok(Token { kind: Kind::LeftDelim, start: delim, end: delim + 2 });
        }
    }

    /// Passes over a comment, its right delimiter, and the space that this one trims.
    fn comment(&mut self, delim: usize) -> Result<(), Failure> {
        let Some(end) = find(&self.rest()[2..], *b"*/") else {
            return Err(Failure::syntax(delim, "this comment is never closed"));
        };
        self.at += 2 + end + 2;
        if !self.take_right_delim() {
            return Err(Failure::syntax(self.at, "\"}}\" must follow the end of a comment"));
        }
        Ok(())
    }

    /// Takes `}}` or ` -}}` with the white space that the latter trims, if that is what comes.
    fn take_right_delim(&mut self) -> bool {
        let rest = self.rest();
        if is_trimmed_right(rest) {
            self.at += 4;
            let spaces = self.rest().iter().take_while(|byte| is_space(**byte)).count();
            self.at += spaces;
        } else if rest.starts_with(b"}}") {
            self.at += 2;
        } else {
            return false;
        }
        true
    }

    fn action(&mut self) -> Result<Token, Failure> {
        let start = self.at;
        let rest = self.rest();
        if is_trimmed_right(rest) || rest.starts_with(b"}}") {
            return self.right_delim();
        }
        let Some((character, length)) = decode(rest) else {
            return Err(Failure::syntax(self.action_start, "this action is never closed"));
        };
        self.at += length;
        match character {
            ' ' | '\t' | '\r' | '\n' => return Ok(self.space(start)),
            '"' => return self.quoted(start, b'"', Kind::String),
            '\'' => return self.quoted(start, b'\'', Kind::Character),
            '`' => return self.raw_string(start),
            '$' => return self.name(start, Kind::Variable),
            '.' if !self.rest().first().is_none_or(u8::is_ascii_digit) => {
                return self.name(start, Kind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => return self.number(start),
            ':' if self.rest().first() == Some(&b'=') => {
                self.at += 1;
                return Ok(self.token(Kind::Declare, start));
            }
            ':' => return Err(Failure::syntax(start, "expected \":=\"")),
            _ if is_alphanumeric(character) => return self.word(start),
            _ => {}
        }
        let kind = match character {
            '=' => Kind::Assign,
            '|' => Kind::Pipe,
            '(' => {
                self.open_parens += 1;
                Kind::LeftParen
            }
            ')' if self.open_parens == 0 => return Err(Failure::syntax(start, "this \")\" closes nothing")),
            ')' => {
                self.open_parens -= 1;
                Kind::RightParen
            }
            '!'..='~' => Kind::Other(self.text[start]),
            _ => return Err(Failure::syntax(start, format!("unexpected character {character:?}"))),
        };
        Ok(self.token(kind, start))
    }

    fn right_delim(&mut self) -> Result<Token, Failure> {
        if self.open_parens > 0 {
            return Err(Failure::syntax(self.action_start, "a \"(\" in this action is never closed"));
        }
        let start = self.at;
        self.take_right_delim();
        self.in_action = false;
        Ok(self.token(Kind::RightDelim, start))
    }

    /// A run of white space, but for the last of it when that begins ` -}}`.
    fn space(&mut self, start: usize) -> Token {
        self.at += self.rest().iter().take_while(|byte| is_space(**byte)).count();
        if is_trimmed_right(&self.text[self.at - 1..]) {
            // One space alone would have been taken for the delimiter, so that at least one is left.
            self.at -= 1;
        }
        self.token(Kind::Space, start)
    }

    fn quoted(&mut self, start: usize, quote: u8, kind: Kind) -> Result<Token, Failure> {
        let mut bytes = self.text.iter().enumerate().skip(self.at);
        while let Some((at, &byte)) = bytes.next() {
            match byte {
                b'\\' if bytes.next().is_some_and(|(_, escaped)| *escaped != b'\n') => {}
                b'\\' | b'\n' => break,
                _ if byte == quote => {
                    self.at = at + 1;
                    return Ok(self.token(kind, start));
                }
                _ => {}
            }
        }
        let what = if quote == b'"' { "string" } else { "character" };
        Err(Failure::syntax(start, format!("this {what} is never closed")))
    }

    fn raw_string(&mut self, start: usize) -> Result<Token, Failure> {
        let Some(length) = self.rest().iter().position(|byte| *byte == b'`') else {
            return Err(Failure::syntax(start, "this raw string is never closed"));
        };
        self.at += length + 1;
        Ok(self.token(Kind::RawString, start))
    }

    /// The rest of `.name` or `$name`.
    fn name(&mut self, start: usize, kind: Kind) -> Result<Token, Failure> {
        if self.at_terminator() {
            return Ok(self.token(if kind == Kind::Field { Kind::Dot } else { kind }, start));
        }
        self.take_alphanumeric();
        self.expect_terminator()?;
        Ok(self.token(kind, start))
    }

    fn word(&mut self, start: usize) -> Result<Token, Failure> {
        self.take_alphanumeric();
        self.expect_terminator()?;
        let kind = match &self.text[start..self.at] {
            b"true" | b"false" => Kind::Bool,
            b"nil" => Kind::Nil,
            word => Keyword::of(word).map_or(Kind::Identifier, Kind::Keyword),
        };
        Ok(self.token(kind, start))
    }

    fn take_alphanumeric(&mut self) {
        while let Some((character, length)) = decode(self.rest()) {
            if !is_alphanumeric(character) {
                return;
            }
            self.at += length;
        }
    }

    /// Whether what follows may follow a name.
    fn at_terminator(&self) -> bool {
        let rest = self.rest();
        match rest.first() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => rest.starts_with(b"}}"),
        }
    }

    fn expect_terminator(&self) -> Result<(), Failure> {
        match self.peek() {
            Some(character) if !self.at_terminator() => {
                Err(Failure::syntax(self.at, format!("unexpected character {character:?} in a name")))
            }
            _ => Ok(()),
        }
    }

    fn number(&mut self, start: usize) -> Result<Token, Failure> {
        self.at = start;
        let bad = |lexer: &Self| {
            let written = String::from_utf8_lossy(&lexer.text[start..lexer.at]);
            Err(Failure::syntax(start, format!("{written:?} is not a number")))
        };
        if !self.scan_number() {
            return bad(self);
        }
        if matches!(self.rest().first(), Some(b'+' | b'-')) {
            if !self.scan_number() || self.text[self.at - 1] != b'i' {
                return bad(self);
            }
            return Ok(self.token(Kind::Complex, start));
        }
        Ok(self.token(Kind::Number, start))
    }

    /// Takes what looks like a number; the parser looks closer. `false` when a letter or digit follows.
    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        let mut exponent: &[u8] = b"eE";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                (digits, exponent) = (b"0123456789abcdefABCDEF_", b"pP");
            } else if self.accept(b"oO") {
                (digits, exponent) = (b"01234567_", b"");
            } else if self.accept(b"bB") {
                (digits, exponent) = (b"01_", b"");
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        match decode(self.rest()) {
            Some((character, length)) if is_alphanumeric(character) => {
                self.at += length;
                false
            }
            _ => true,
        }
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let accepted = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.at += usize::from(accepted);
        accepted
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `- ` after a left delimiter.
fn is_left_trim(rest: &[u8]) -> bool {
    matches!(rest, [b'-', space, ..] if is_space(*space))
}

/// ` -}}`
fn is_trimmed_right(rest: &[u8]) -> bool {
    matches!(rest, [space, b'-', b'}', b'}', ..] if is_space(*space))
}

/// The length of text without the white space at its end.
fn trim_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1)
}

/// The first place of a two-byte mark.
fn find(text: &[u8], mark: [u8; 2]) -> Option<usize> {
    let mut from = 0;
    loop {
        let first = from + text.get(from..)?.iter().position(|byte| *byte == mark[0])?;
        if text.get(first + 1) == Some(&mark[1]) {
            return Some(first);
        }
        from = first + 1;
    }
}

#[cfg(test)]
mod tests;
