//! The tokens of a text, with a look ahead.

use crate::error::Failure;
use crate::lex::{Kind, Lexer, Token};

pub(crate) struct Tokens<'t> {
    text: &'t [u8],
    lexer: Lexer<'t>,
    /// What was read and put back; the last is the next.
    ahead: Vec<Token>,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self { text, lexer: Lexer::new(text), ahead: Vec::new() }
    }

    pub(crate) fn next(&mut self) -> Result<Token, Failure> {
        match self.ahead.pop() {
            Some(token) => Ok(token),
            None => self.lexer.next(),
        }
    }

    pub(crate) fn put_back(&mut self, token: Token) {
        self.ahead.push(token);
    }

    pub(crate) fn peek(&mut self) -> Result<Token, Failure> {
        let token = self.next()?;
        self.put_back(token);
        Ok(token)
    }

    /// The next token that is not white space.
    pub(crate) fn next_word(&mut self) -> Result<Token, Failure> {
        loop {
            let token = self.next()?;
            if token.kind != Kind::Space {
                return Ok(token);
            }
        }
    }

    pub(crate) fn peek_word(&mut self) -> Result<Token, Failure> {
        let token = self.next_word()?;
        self.put_back(token);
        Ok(token)
    }

    pub(crate) fn expect(&mut self, kind: Kind, context: &str) -> Result<Token, Failure> {
        let token = self.next_word()?;
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    pub(crate) fn bytes(&self, token: Token) -> &'t [u8] {
        self.slice(token.start, token.end)
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        &self.text[start..end]
    }

    pub(crate) fn unexpected(&self, token: Token, context: &str) -> Failure {
        let written = String::from_utf8_lossy(self.bytes(token));
        let what = match token.kind {
            Kind::End => "end of the text".to_owned(),
            Kind::RightDelim => "\"}}\"".to_owned(),
            Kind::Space => "white space".to_owned(),
            _ => format!("{:?}", written.chars().take(40).collect::<String>()),
        };
        Failure::syntax(token.start, format!("unexpected {what} in {context}"))
    }
}
