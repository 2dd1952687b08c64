//! A parsed template: straight-line operations with jumps, and the expressions they evaluate.
//!
//! Control structures are jumps rather than trees, so that neither parsing nor running nests with them: a template of
//! a thousand `else if` or a recursion of a thousand calls takes heap, in the open and bounded, and no stack.

use std::collections::BTreeMap;

/// Index of an operation in its template.
pub(crate) type Target = usize;

/// Everything that one text defines.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) bodies: Vec<Vec<Op>>,
    /// Names to bodies; names are bytes, as strings are.
    pub(crate) names: BTreeMap<Vec<u8>, usize>,
    /// The body that rendering begins with.
    pub(crate) main: usize,
}

#[derive(Debug)]
pub(crate) enum Op {
    /// Writes a piece of the template's text.
    Text {
        start: usize,
        end: usize,
    },
    /// Evaluates, and writes the value unless it was declared or assigned.
    Print(Pipe),
    /// Opens a scope; without truth goes to `otherwise`.
    If {
        pipe: Pipe,
        otherwise: Target,
    },
    /// The same, and the value becomes the dot.
    With {
        pipe: Pipe,
        otherwise: Target,
    },
    /// Opens a scope; without elements goes to `otherwise`.
    Range {
        pipe: Pipe,
        next: Target,
        otherwise: Target,
        end: Target,
    },
    /// Takes the next element and goes to `body`, or to `end` when there is none.
    Next {
        body: Target,
        end: Target,
    },
    /// Past an else part.
    Jump(Target),
    /// Closes a scope.
    End,
    Break,
    Continue,
    /// Runs another template with a dot of its own.
    Call {
        at: usize,
        name: Vec<u8>,
        pipe: Option<Pipe>,
    },
}

/// `$x := first | second`
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: usize,
    pub(crate) declared: Vec<Box<str>>,
    /// `=` rather than `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function or value with its arguments; there is at least one operand.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) operands: Vec<Operand>,
}

#[derive(Debug)]
pub(crate) struct Operand {
    /// Where it begins in the text.
    pub(crate) at: usize,
    pub(crate) kind: OperandKind,
}

#[derive(Debug)]
pub(crate) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(crate::literal::Number),
    Text(Vec<u8>),
    /// `.a.b`
    Fields(Vec<Box<str>>),
    /// `$x.a.b`; the name comes with its `$`.
    Variable {
        name: Box<str>,
        fields: Vec<Box<str>>,
    },
    Function(crate::function::Function),
    /// `(…)`
    Pipe(Pipe),
    /// `(…).a.b`, `print.a`
    Chain {
        base: Box<Operand>,
        fields: Vec<Box<str>>,
    },
}
