//! Evaluates pipelines, commands and operands.

use super::{Machine, field};
use crate::datum::{Datum, Text};
use crate::error::Failure;
use crate::function::Function;
use crate::program::{Command, Operand, OperandKind, Pipe};

impl<'a> Machine<'a, '_> {
    /// The value of a pipeline; its variables are declared or assigned.
    pub(super) fn pipe(&mut self, pipe: &'a Pipe) -> Result<Datum<'a>, Failure> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, value)?);
        }
        let value = value.unwrap_or(Datum::Nil);
        for name in &pipe.declared {
            if pipe.assigns {
                self.assign(pipe.at, name, value.clone(), false)?;
            } else {
                self.declare(pipe.at, name, value.clone())?;
            }
        }
        Ok(value)
    }

    /// The value of a command; `piped` is that of the command before it.
    fn command(&mut self, command: &'a Command, piped: Option<Datum<'a>>) -> Result<Datum<'a>, Failure> {
        let (first, arguments) = command.operands.split_first().expect("the parser makes no empty command");
        self.budget.take_steps(first.at, 1)?;
        if let OperandKind::Function(function) = first.kind {
            return self.call(first.at, function, arguments, piped);
        }
        if matches!(first.kind, OperandKind::Nil) {
            return Err(Failure::render(first.at, "nil is not a command"));
        }
        if piped.is_some() || !arguments.is_empty() {
            return Err(Failure::render(first.at, "arguments for what is not a function"));
        }
        self.operand(first)
    }

    /// Whether Go sees an `interface {}` here, and not the type of what is in it: an element of a `[]any` or a
    /// `map[string]any` that came straight from there. Pipelines, and so parentheses and variables, take it out.
    pub(super) fn is_boxed(&mut self, operand: &'a Operand) -> Result<bool, Failure> {
        let at = operand.at;
        Ok(match &operand.kind {
            OperandKind::Dot => self.frame.boxed,
            OperandKind::Fields(fields) => field::is_boxed(at, self.frame.dot.clone(), fields)?,
            OperandKind::Variable { name, fields } => {
                let variable = self.variable(at, name)?;
                if fields.is_empty() {
                    return Ok(variable.boxed);
                }
                field::is_boxed(at, variable.value.clone(), fields)?
            }
            OperandKind::Chain { base, fields } => {
                let value = self.operand(base)?;
                field::is_boxed(at, value, fields)?
            }
            _ => false,
        })
    }

    pub(super) fn operand(&mut self, operand: &'a Operand) -> Result<Datum<'a>, Failure> {
        let at = operand.at;
        Ok(match &operand.kind {
            OperandKind::Dot => self.frame.dot.clone(),
            OperandKind::Nil => Datum::Nil,
            OperandKind::Bool(truth) => Datum::Bool(*truth),
            OperandKind::Number(number) => Datum::of_number(*number)
                .ok_or_else(|| Failure::render(at, "this number is too large for an integer"))?,
            OperandKind::Text(text) => Datum::Text(Text::Borrowed(text)),
            OperandKind::Fields(fields) => field::follow(at, "", self.frame.dot.clone(), fields)?,
            OperandKind::Variable { name, fields } => {
                let value = self.variable(at, name)?.value.clone();
                field::follow(at, name, value, fields)?
            }
            OperandKind::Function(function) => self.call(at, *function, &[], None)?,
            OperandKind::Pipe(pipe) => self.pipe(pipe)?,
            OperandKind::Chain { base, fields } => {
                let written = match base.kind {
                    OperandKind::Function(function) => Function::name(function),
                    _ => "(…)",
                };
                let value = self.operand(base)?;
                field::follow(at, written, value, fields)?
            }
        })
    }
}
