//! Pipelines, commands and operands.

use super::Parser;
use crate::error::Failure;
use crate::function::{self, Function};
use crate::lex::{Kind, Token};
use crate::literal;
use crate::program::{Command, Operand, OperandKind, Pipe};

/// How deep parentheses may nest. Evaluation recurses as deep; nobody writes ten.
const MAX_DEPTH: usize = 64;

impl Parser<'_> {
    /// `declarations? command ('|' command)*`, up to and with the token of kind `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, Failure> {
        let at = self.tokens.peek_word()?.start;
        let mut pipe = Pipe { at, declared: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.tokens.next_word()?;
            match token.kind {
                kind if kind == end => break,
                kind if begins_operand(kind) => {
                    self.tokens.put_back(token);
                    let command = self.command()?;
                    check_stage(&pipe, &command)?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.tokens.unexpected(token, context)),
            }
        }
        if pipe.commands.is_empty() {
            return Err(Failure::syntax(at, format!("missing value for {context}")));
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and for a range `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<(), Failure> {
        loop {
            let variable = self.tokens.next_word()?;
            if variable.kind != Kind::Variable {
                self.tokens.put_back(variable);
                return Ok(());
            }
            // White space matters when the variable turns out to be an operand: `$x .y` is not `$x.y`.
            let after = self.tokens.next()?;
            let next = if after.kind == Kind::Space { self.tokens.next_word()? } else { after };
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assigns = next.kind == Kind::Assign;
                    self.declare(pipe, variable);
                    return Ok(());
                }
                Kind::Other(b',') => {
                    self.declare(pipe, variable);
                    if context != "range" || pipe.declared.len() == 2 {
                        return Err(Failure::syntax(
                            variable.start,
                            format!("too many declarations in {context}"),
                        ));
                    }
                    let following = self.tokens.peek_word()?;
                    if !matches!(following.kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                        return Err(Failure::syntax(following.start, "range can only initialize variables"));
                    }
                }
                _ => {
                    self.tokens.put_back(next);
                    if after.kind == Kind::Space {
                        self.tokens.put_back(after);
                    }
                    self.tokens.put_back(variable);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: Token) {
        let name = self.name(variable);
        self.tree().variables.push(name.clone());
        pipe.declared.push(name);
    }

    /// Operands up to a `|`, which is taken, or a delimiter or parenthesis, which is left.
    fn command(&mut self) -> Result<Command, Failure> {
        let mut operands = Vec::new();
        loop {
            let start = self.tokens.peek_word()?;
            operands.extend(self.operand()?);
            let token = self.tokens.next()?;
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.tokens.put_back(token),
                Kind::Pipe => {}
                _ => return Err(self.tokens.unexpected(token, "operand")),
            }
            if operands.is_empty() {
                return Err(Failure::syntax(start.start, "empty command"));
            }
            return Ok(Command { operands });
        }
    }

    /// A term with the fields that follow it directly; `None` when what comes is not a term.
    fn operand(&mut self) -> Result<Option<Operand>, Failure> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let mut chained = Vec::new();
        while self.tokens.peek()?.kind == Kind::Field {
            let field = self.tokens.next()?;
            chained.push(self.field(field));
        }
        if chained.is_empty() {
            return Ok(Some(operand));
        }
        match &mut operand.kind {
            OperandKind::Fields(fields) | OperandKind::Variable { fields, .. } => fields.extend(chained),
            OperandKind::Function(_) | OperandKind::Pipe(_) => {
                let at = operand.at;
                let kind = OperandKind::Chain { base: Box::new(operand), fields: chained };
                return Ok(Some(Operand { at, kind }));
            }
            _ => return Err(Failure::syntax(operand.at, "a literal has no fields")),
        }
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, Failure> {
        let token = self.tokens.next_word()?;
        let kind = match token.kind {
            Kind::Dot => OperandKind::Dot,
            Kind::Nil => OperandKind::Nil,
            Kind::Bool => OperandKind::Bool(self.tokens.bytes(token) == b"true"),
            Kind::Field => OperandKind::Fields(vec![self.field(token)]),
            Kind::Variable => self.variable(token)?,
            Kind::Identifier => self.function(token)?,
            Kind::String | Kind::RawString => OperandKind::Text(self.string(token)?),
            Kind::Number | Kind::Complex | Kind::Character => OperandKind::Number(self.number(token)?),
            Kind::LeftParen => self.parenthesized(token)?,
            _ => {
                self.tokens.put_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Operand { at: token.start, kind }))
    }

    fn parenthesized(&mut self, open: Token) -> Result<OperandKind, Failure> {
        if self.depth == MAX_DEPTH {
            return Err(Failure::syntax(open.start, format!("parentheses nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let pipe = self.pipeline("parentheses", Kind::RightParen)?;
        self.depth -= 1;
        Ok(OperandKind::Pipe(pipe))
    }

    fn variable(&mut self, token: Token) -> Result<OperandKind, Failure> {
        let name = self.name(token);
        if self.tree().variables.contains(&name) {
            return Ok(OperandKind::Variable { name, fields: Vec::new() });
        }
        Err(Failure::syntax(token.start, format!("variable {name} is not defined")))
    }

    fn function(&self, token: Token) -> Result<OperandKind, Failure> {
        let name = self.name(token);
        Function::named(&name).map(OperandKind::Function).ok_or_else(|| {
            let known: Vec<_> = function::known().collect();
            Failure::syntax(
                token.start,
                format!("function {name} is not defined; known: {}", known.join(", ")),
            )
        })
    }

    fn number(&self, token: Token) -> Result<literal::Number, Failure> {
        let text = self.name(token);
        match token.kind {
            Kind::Number => literal::number(&text).map_err(|message| Failure::syntax(token.start, message)),
            Kind::Complex => literal::complex(&text)
                .ok_or_else(|| Failure::syntax(token.start, format!("{text:?} is not a number"))),
            _ => literal::character(self.tokens.bytes(token))
                .map(|code| literal::Number::Int(code.into()))
                .ok_or_else(|| Failure::syntax(token.start, "not exactly one character between the quotes")),
        }
    }

    fn field(&self, token: Token) -> Box<str> {
        self.name(Token { start: token.start + 1, ..token })
    }

    /// A token's text. Names and numbers are made of characters, so that nothing is lost.
    fn name(&self, token: Token) -> Box<str> {
        String::from_utf8_lossy(self.tokens.bytes(token)).into()
    }
}

/// Only the first command of a pipeline can be a literal: the others take the value of the one before.
fn check_stage(pipe: &Pipe, command: &Command) -> Result<(), Failure> {
    let first = &command.operands[0];
    let literal = matches!(
        first.kind,
        OperandKind::Bool(_)
            | OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Number(_)
            | OperandKind::Text(_)
    );
    if literal && !pipe.commands.is_empty() {
        return Err(Failure::syntax(first.at, "a literal cannot take the value before the \"|\""));
    }
    Ok(())
}

fn begins_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Character
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
    )
}
