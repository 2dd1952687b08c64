//! Runs a program: control flow.

use std::io::Write;

use crate::buffer::Buffer;
use crate::datum::{Datum, List, Text};
use crate::error::{Failure, Kind};
use crate::format;
use crate::limits::{self, Budget, Limits};
use crate::program::{Op, Pipe, Program, Target};
use crate::value::{Map, Value};

mod call;
mod eval;
mod field;

/// Renders a program.
pub(crate) fn render(
    program: &Program,
    text: &[u8],
    data: &Value,
    limits: Limits,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let dot = Datum::of(data);
    let frame = Frame { body: program.main, at: 0, dot, boxed: false, scopes: 0, variables: 0 };
    let budget = Budget::new(limits);
    let mut machine = Machine {
        program,
        text,
        output,
        budget,
        frame,
        callers: Vec::new(),
        scopes: Vec::new(),
        variables: Vec::new(),
    };
    machine.declare(0, "$", machine.frame.dot.clone())?;
    machine.run()
}

/// A variable and its value; the name comes with its `$`.
struct Variable<'a> {
    name: &'a str,
    value: Datum<'a>,
    /// See [`Machine::is_boxed`].
    boxed: bool,
}

/// A template that is running.
#[derive(Clone)]
struct Frame<'a> {
    body: usize,
    at: Target,
    dot: Datum<'a>,
    /// See [`Machine::is_boxed`].
    boxed: bool,
    /// How many scopes and variables its callers have.
    scopes: usize,
    variables: usize,
}

/// An open `if`, `with` or `range`.
struct Scope<'a> {
    /// How many variables there were before.
    variables: usize,
    /// The dot outside.
    dot: Datum<'a>,
    boxed: bool,
    /// The operation of a `range`, which knows where it goes on and ends.
    range: Option<Target>,
    /// The turns of a `range` that has any; without, its else part runs.
    turns: Option<Turns<'a>>,
}

/// The turns of a loop.
struct Turns<'a> {
    elements: Elements<'a>,
    /// How many variables each turn begins with.
    variables: usize,
}

/// What is left of what a loop runs over.
enum Elements<'a> {
    Ints { next: i64, end: i64 },
    Bytes { next: u8, end: u8 },
    List { list: List<'a>, next: usize },
    Map { map: &'a Map, next: usize },
}

struct Machine<'a, 'o> {
    program: &'a Program,
    text: &'a [u8],
    output: &'o mut dyn Write,
    budget: Budget,
    frame: Frame<'a>,
    callers: Vec<Frame<'a>>,
    scopes: Vec<Scope<'a>>,
    variables: Vec<Variable<'a>>,
}

impl<'a> Machine<'a, '_> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            let body = &self.program.bodies[self.frame.body];
            let Some(op) = body.get(self.frame.at) else {
                match self.callers.pop() {
                    Some(caller) => self.return_to(caller),
                    None => return Ok(()),
                }
                continue;
            };
            self.frame.at += 1;
            self.step(op)?;
        }
    }

    fn step(&mut self, op: &'a Op) -> Result<(), Failure> {
        match op {
            Op::Text { start, end } => {
                self.budget.take_steps(*start, 1)?;
                self.write(*start, &self.text[*start..*end])?;
            }
            Op::Print(pipe) => {
                let value = self.pipe(pipe)?;
                if pipe.declared.is_empty() {
                    self.print(pipe.at, &value)?;
                }
            }
            Op::If { pipe, otherwise } => {
                self.open(pipe.at)?;
                if !self.pipe(pipe)?.truth() {
                    self.frame.at = *otherwise;
                }
            }
            Op::With { pipe, otherwise } => {
                self.open(pipe.at)?;
                let value = self.pipe(pipe)?;
                if value.truth() {
                    self.frame.dot = value;
                    self.frame.boxed = false;
                } else {
                    self.frame.at = *otherwise;
                }
            }
            Op::Range { pipe, otherwise, .. } => self.range(pipe, *otherwise)?,
            Op::Next { body, end } => self.turn(*body, *end)?,
            Op::Jump(target) => self.frame.at = *target,
            Op::End => self.close(),
            Op::Break => self.break_range(),
            Op::Continue => self.continue_range(),
            Op::Call { at, name, pipe } => self.call_template(*at, name, pipe.as_ref())?,
        }
        Ok(())
    }

    fn write(&mut self, at: Target, bytes: &[u8]) -> Result<(), Failure> {
        self.budget.take_bytes(at, bytes.len())?;
        self.output.write_all(bytes).map_err(|error| Failure::new(at, Kind::Write(error)))
    }

    /// Writes the value of an action.
    fn print(&mut self, at: usize, value: &Datum<'a>) -> Result<(), Failure> {
        match value {
            Datum::Nil => self.write(at, b"<no value>"),
            Datum::Text(text) => self.write(at, text.bytes()),
            _ => {
                let mut out = Buffer::new(self.budget.bytes_left());
                format::print(std::slice::from_ref(value), &mut out);
                let bytes = out.take().ok_or_else(|| self.budget.too_long(at))?;
                self.write(at, &bytes)
            }
        }
    }

    fn declare(&mut self, at: usize, name: &'a str, value: Datum<'a>) -> Result<(), Failure> {
        limits::check_open(at, self.variables.len())?;
        self.variables.push(Variable { name, value, boxed: false });
        Ok(())
    }

    /// Gives the innermost variable of that name another value.
    fn assign(&mut self, at: usize, name: &str, value: Datum<'a>, boxed: bool) -> Result<(), Failure> {
        let own = &mut self.variables[self.frame.variables..];
        match own.iter_mut().rev().find(|variable| variable.name == name) {
            Some(variable) => (variable.value, variable.boxed) = (value, boxed),
            None => return Err(undefined(at, name)),
        }
        Ok(())
    }

    fn variable(&self, at: usize, name: &str) -> Result<&Variable<'a>, Failure> {
        let own = &self.variables[self.frame.variables..];
        own.iter().rev().find(|variable| variable.name == name).ok_or_else(|| undefined(at, name))
    }

    fn open(&mut self, at: usize) -> Result<(), Failure> {
        limits::check_open(at, self.scopes.len())?;
        let dot = self.frame.dot.clone();
        let (variables, boxed) = (self.variables.len(), self.frame.boxed);
        self.scopes.push(Scope { variables, dot, boxed, range: None, turns: None });
        Ok(())
    }

    fn close(&mut self) {
        if let Some(scope) = self.scopes.pop() {
            self.variables.truncate(scope.variables);
            (self.frame.dot, self.frame.boxed) = (scope.dot, scope.boxed);
        }
    }

    fn range(&mut self, pipe: &'a Pipe, otherwise: Target) -> Result<(), Failure> {
        let op = self.frame.at - 1;
        self.open(pipe.at)?;
        let value = self.pipe(pipe)?;
        let elements = match value {
            // Nothing is like an empty list.
            Datum::Nil => None,
            Datum::List(list) => Some(Elements::List { list, next: 0 }),
            Datum::Map(map) => Some(Elements::Map { map, next: 0 }),
            Datum::Int(_) | Datum::Byte(_) if pipe.declared.len() > 1 => {
                return Err(Failure::render(pipe.at, "a range over an integer has one variable, not two"));
            }
            Datum::Int(end) => Some(Elements::Ints { next: 0, end }),
            Datum::Byte(end) => Some(Elements::Bytes { next: 0, end }),
            other => return Err(Failure::render(pipe.at, format!("range over {}", other.kind_name()))),
        };
        let variables = self.variables.len();
        let turns = elements.filter(Elements::has_next).map(|elements| Turns { elements, variables });
        let is_empty = turns.is_none();
        if let Some(scope) = self.scopes.last_mut() {
            scope.range = Some(op);
            scope.turns = turns;
        }
        if is_empty {
            self.frame.at = otherwise;
            return Ok(());
        }
        self.begin_turn(pipe)
    }

    /// After a turn: begins the next, or leaves.
    fn turn(&mut self, body: Target, end: Target) -> Result<(), Failure> {
        let scope = self.scopes.last();
        let goes_on =
            scope.and_then(|scope| scope.turns.as_ref()).is_some_and(|turns| turns.elements.has_next());
        let pipe =
            match scope.and_then(|scope| scope.range).map(|op| &self.program.bodies[self.frame.body][op]) {
                Some(Op::Range { pipe, .. }) if goes_on => Some(pipe),
                _ => None,
            };
        let Some(pipe) = pipe else {
            self.frame.at = end;
            return Ok(());
        };
        self.frame.at = body;
        self.begin_turn(pipe)
    }

    /// Takes the next element, and sets the dot and the variables that the range declares or assigns.
    fn begin_turn(&mut self, pipe: &'a Pipe) -> Result<(), Failure> {
        self.budget.take_steps(pipe.at, 1)?;
        let scope = self.scopes.last_mut().and_then(|scope| scope.turns.as_mut());
        let Some(turns) = scope else { return Ok(()) };
        let (index, element) = turns.elements.take();
        let boxed = turns.elements.are_boxed();
        self.variables.truncate(turns.variables);
        (self.frame.dot, self.frame.boxed) = (element.clone(), boxed);
        match (&*pipe.declared, pipe.assigns) {
            ([], _) => {}
            ([only], true) => self.assign(pipe.at, only, element, boxed)?,
            ([first, second, ..], true) => {
                self.assign(pipe.at, first, index, false)?;
                self.assign(pipe.at, second, element, boxed)?;
            }
            (declared, false) => {
                // The pipeline has pushed them, the last of them the element.
                let count = self.variables.len();
                self.variables[count - 1].value = element;
                self.variables[count - 1].boxed = boxed;
                if declared.len() > 1 {
                    self.variables[count - 2].value = index;
                }
            }
        }
        Ok(())
    }

    /// Goes to the end of the innermost `range`, out of all that was opened in it. In an else part that is the `range`
    /// whose else part it is, though it has no turns.
    fn break_range(&mut self) {
        while let Some(scope) = self.scopes.last() {
            if let Some(op) = scope.range {
                if let Op::Range { end, .. } = self.program.bodies[self.frame.body][op] {
                    self.frame.at = end;
                }
                return;
            }
            self.close();
        }
    }

    /// Goes to the next turn of the innermost `range` that has turns.
    fn continue_range(&mut self) {
        while let Some(scope) = self.scopes.last() {
            if let (Some(op), Some(_)) = (scope.range, &scope.turns) {
                if let Op::Range { next, .. } = self.program.bodies[self.frame.body][op] {
                    self.frame.at = next;
                }
                return;
            }
            self.close();
        }
    }

    fn call_template(&mut self, at: usize, name: &[u8], pipe: Option<&'a Pipe>) -> Result<(), Failure> {
        let Some(body) = self.program.names.get(name) else {
            let known: Vec<_> = self.program.names.keys().map(|name| String::from_utf8_lossy(name)).collect();
            let name = String::from_utf8_lossy(name);
            let known = field::listed(known.iter().map(|name| &**name));
            return Err(Failure::render(at, format!("template {name:?} is not defined; known: {known}")));
        };
        self.budget.check_depth(at, self.callers.len() + 1)?;
        let dot = match pipe {
            Some(pipe) => self.pipe(pipe)?,
            None => Datum::Nil,
        };
        let callee = Frame {
            body: *body,
            at: 0,
            dot: dot.clone(),
            boxed: false,
            scopes: self.scopes.len(),
            variables: self.variables.len(),
        };
        self.callers.push(std::mem::replace(&mut self.frame, callee));
        self.declare(at, "$", dot)
    }

    fn return_to(&mut self, caller: Frame<'a>) {
        self.scopes.truncate(self.frame.scopes);
        self.variables.truncate(self.frame.variables);
        self.frame = caller;
    }
}

impl<'a> Elements<'a> {
    fn are_boxed(&self) -> bool {
        match self {
            Self::Ints { .. } | Self::Bytes { .. } => false,
            Self::List { .. } => true,
            Self::Map { map, .. } => !map.is_of_strings(),
        }
    }

    fn has_next(&self) -> bool {
        match self {
            Self::Ints { next, end } => next < end,
            Self::Bytes { next, end } => next < end,
            Self::List { list, next } => *next < list.length,
            Self::Map { map, next } => *next < map.entries().len(),
        }
    }

    /// The next index or key, and the next element. There is one.
    fn take(&mut self) -> (Datum<'a>, Datum<'a>) {
        match self {
            Self::Ints { next, .. } => {
                *next += 1;
                (Datum::Nil, Datum::Int(*next - 1))
            }
            Self::Bytes { next, .. } => {
                *next += 1;
                (Datum::Nil, Datum::Byte(*next - 1))
            }
            Self::List { list, next } => {
                let index = *next;
                *next += 1;
                (Datum::of_length(index), Datum::of(&list.reach[index]))
            }
            Self::Map { map, next } => {
                let (key, value) = &map.entries()[*next];
                *next += 1;
                (Datum::Text(Text::Borrowed(key.as_bytes())), Datum::of(value))
            }
        }
    }
}

fn undefined(at: usize, name: &str) -> Failure {
    Failure::render(at, format!("variable {name} is not defined here"))
}

#[cfg(test)]
mod tests;
