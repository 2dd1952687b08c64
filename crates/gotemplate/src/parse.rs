//! Control structures: from tokens to operations.

mod expression;
mod tokens;

use std::collections::BTreeMap;

use crate::error::Failure;
use crate::lex::{Keyword, Kind, Token};
use crate::literal;
use crate::program::{Op, Pipe, Program, Target};
use tokens::Tokens;

/// Parses a text whose top-level template has the given name.
pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Program, Failure> {
    let mut parser = Parser {
        tokens: Tokens::new(text),
        trees: vec![Tree::new(name.as_bytes().to_vec(), None)],
        program: Program { bodies: Vec::new(), names: BTreeMap::new(), main: 0 },
        depth: 0,
    };
    parser.run()?;
    Ok(parser.program)
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    /// The templates that are being defined: the text itself, and blocks inside of each other.
    trees: Vec<Tree>,
    program: Program,
    /// How deep parentheses are nested.
    depth: usize,
}

/// A template whose end has not come yet.
struct Tree {
    name: Vec<u8>,
    ops: Vec<Op>,
    /// Names of variables that are known here.
    variables: Vec<Box<str>>,
    /// How many bodies of `range` are open.
    ranges: usize,
    open: Vec<Open>,
    /// What opened it; `None` for the text itself.
    origin: Option<Origin>,
}

/// The action that began a template inside of the text.
struct Origin {
    at: usize,
    /// The pipeline of a `block`, which is also called where it stands.
    call: Option<(usize, Pipe)>,
    keyword: &'static str,
}

/// An `if`, `with` or `range` whose end has not come yet.
struct Open {
    at: usize,
    keyword: Keyword,
    /// Its operation, which is to learn where to go.
    op: Target,
    /// How many variables there were before.
    variables: usize,
    /// The jump past the else part, once there is one.
    jump: Option<Target>,
    /// It began as `else if` or `else with`: one `end` closes it and the one around it.
    chained: bool,
}

impl Tree {
    fn new(name: Vec<u8>, origin: Option<Origin>) -> Self {
        Self { name, ops: Vec::new(), variables: vec!["$".into()], ranges: 0, open: Vec::new(), origin }
    }
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            let token = self.tokens.next_word()?;
            match token.kind {
                Kind::Text => self.emit(Op::Text { start: token.start, end: token.end }),
                Kind::LeftDelim => self.action()?,
                Kind::End => return self.finish(token),
                _ => return Err(self.tokens.unexpected(token, "after else")),
            }
        }
    }

    fn tree(&mut self) -> &mut Tree {
        self.trees.last_mut().expect("the text's own tree stays until the end of parsing")
    }

    fn emit(&mut self, op: Op) {
        self.tree().ops.push(op);
    }

    fn position(&mut self) -> Target {
        self.tree().ops.len()
    }

    fn finish(&mut self, end: Token) -> Result<(), Failure> {
        let tree = self.tree();
        let unclosed = tree.open.last().map(|open| (open.at, name_of(open.keyword)));
        let unclosed = unclosed.or(tree.origin.as_ref().map(|origin| (origin.at, origin.keyword)));
        if let Some((at, keyword)) = unclosed {
            return Err(Failure::syntax(at, format!("{{{{{keyword}}}}} has no {{{{end}}}}")));
        }
        let tree = self.trees.pop().expect("the text's own tree stays until the end of parsing");
        let name = tree.name.clone();
        self.define(tree, end.start)?;
        self.program.main = self.program.names[&name];
        Ok(())
    }

    /// Whether the parser stands in the text itself, outside of all structures.
    fn at_top_level(&self) -> bool {
        matches!(&*self.trees, [only] if only.open.is_empty())
    }

    /// What follows a left delimiter.
    fn action(&mut self) -> Result<(), Failure> {
        let token = self.tokens.next_word()?;
        match token.kind {
            Kind::Keyword(Keyword::Define) if self.at_top_level() => self.begin_define(token),
            Kind::Keyword(Keyword::Block) => self.begin_block(token),
            Kind::Keyword(keyword @ (Keyword::Break | Keyword::Continue)) => self.leave_range(token, keyword),
            Kind::Keyword(Keyword::Else) => self.begin_else(token),
            Kind::Keyword(Keyword::End) => {
                self.tokens.expect(Kind::RightDelim, "end")?;
                self.close(token)
            }
            Kind::Keyword(keyword @ (Keyword::If | Keyword::With | Keyword::Range)) => {
                self.begin(token, keyword, false)
            }
            Kind::Keyword(Keyword::Template) => self.call(),
            _ => {
                self.tokens.put_back(token);
                let pipe = self.pipeline("action", Kind::RightDelim)?;
                self.emit(Op::Print(pipe));
                Ok(())
            }
        }
    }

    fn begin_define(&mut self, start: Token) -> Result<(), Failure> {
        let name = self.template_name("define")?;
        self.tokens.expect(Kind::RightDelim, "define")?;
        self.trees.push(Tree::new(name, Some(Origin { at: start.start, call: None, keyword: "define" })));
        Ok(())
    }

    fn begin_block(&mut self, start: Token) -> Result<(), Failure> {
        let at = start.start;
        let name = self.template_name("block")?;
        let pipe = self.pipeline("block", Kind::RightDelim)?;
        self.trees.push(Tree::new(name, Some(Origin { at, call: Some((at, pipe)), keyword: "block" })));
        Ok(())
    }

    fn call(&mut self) -> Result<(), Failure> {
        let name_token = self.tokens.peek_word()?;
        let name = self.template_name("template")?;
        let next = self.tokens.next_word()?;
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.tokens.put_back(next);
            Some(self.pipeline("template", Kind::RightDelim)?)
        };
        self.emit(Op::Call { at: name_token.start, name, pipe });
        Ok(())
    }

    fn template_name(&mut self, context: &str) -> Result<Vec<u8>, Failure> {
        let token = self.tokens.next_word()?;
        match token.kind {
            Kind::String | Kind::RawString => self.string(token),
            _ => Err(self.tokens.unexpected(token, context)),
        }
    }

    fn string(&self, token: Token) -> Result<Vec<u8>, Failure> {
        literal::string(self.tokens.bytes(token))
            .ok_or_else(|| Failure::syntax(token.start, "this string has an escape that does not exist"))
    }

    fn leave_range(&mut self, token: Token, keyword: Keyword) -> Result<(), Failure> {
        self.tokens.expect(Kind::RightDelim, name_of(keyword))?;
        if self.tree().ranges == 0 {
            let keyword = name_of(keyword);
            return Err(Failure::syntax(token.start, format!("{{{{{keyword}}}}} outside of {{{{range}}}}")));
        }
        self.emit(if keyword == Keyword::Break { Op::Break } else { Op::Continue });
        Ok(())
    }

    fn begin(&mut self, start: Token, keyword: Keyword, chained: bool) -> Result<(), Failure> {
        let variables = self.tree().variables.len();
        let pipe = self.pipeline(name_of(keyword), Kind::RightDelim)?;
        let op = self.position();
        self.emit(match keyword {
            Keyword::If => Op::If { pipe, otherwise: 0 },
            Keyword::With => Op::With { pipe, otherwise: 0 },
            _ => Op::Range { pipe, next: 0, otherwise: 0, end: 0 },
        });
        let tree = self.tree();
        tree.ranges += usize::from(keyword == Keyword::Range);
        tree.open.push(Open { at: start.start, keyword, op, variables, jump: None, chained });
        Ok(())
    }

    fn begin_else(&mut self, start: Token) -> Result<(), Failure> {
        let next = self.tokens.peek_word()?;
        let chain = match next.kind {
            Kind::Keyword(keyword @ (Keyword::If | Keyword::With)) => Some(keyword),
            _ => None,
        };
        if chain.is_none() {
            self.tokens.expect(Kind::RightDelim, "else")?;
        }
        let Some(open) = self.tree().open.last() else {
            return Err(Failure::syntax(start.start, "this {{else}} belongs to nothing"));
        };
        let keyword = open.keyword;
        if open.jump.is_some() {
            return Err(Failure::syntax(start.start, "a second {{else}} where {{end}} is expected"));
        }
        self.end_first_part();
        if chain == Some(keyword) {
            let token = self.tokens.next_word()?;
            return self.begin(token, keyword, true);
        }
        // `{{else if}}` of a `with` or a `range` leaves its keyword to be stumbled over.
        Ok(())
    }

    /// Ends the part before an `else`, and says where to go without truth: here.
    fn end_first_part(&mut self) {
        let tree = self.tree();
        let Some(open) = tree.open.last_mut() else { return };
        tree.ranges -= usize::from(open.keyword == Keyword::Range);
        if open.keyword == Keyword::Range {
            let next = tree.ops.len();
            tree.ops.push(Op::Next { body: open.op + 1, end: 0 });
            set_next(&mut tree.ops[open.op], next);
        }
        open.jump = Some(tree.ops.len());
        tree.ops.push(Op::Jump(0));
        let here = tree.ops.len();
        set_otherwise(&mut tree.ops[open.op], here);
    }

    /// At an `end`: closes the innermost structure, or the template that is being defined.
    fn close(&mut self, token: Token) -> Result<(), Failure> {
        let tree = self.tree();
        while let Some(open) = tree.open.pop() {
            tree.close(&open);
            if !open.chained {
                return Ok(());
            }
        }
        if self.trees.len() == 1 {
            return Err(Failure::syntax(token.start, "this {{end}} closes nothing"));
        }
        let mut tree = self.trees.pop().expect("there are two");
        let call = tree.origin.take().and_then(|origin| origin.call);
        let name = tree.name.clone();
        self.define(tree, token.start)?;
        if let Some((at, pipe)) = call {
            self.emit(Op::Call { at, name, pipe: Some(pipe) });
        }
        Ok(())
    }

    /// Adds a template. A name may be defined twice only where one of the two is nothing but white space.
    fn define(&mut self, tree: Tree, at: usize) -> Result<(), Failure> {
        let replaces = match self.program.names.get(&tree.name) {
            None => true,
            Some(earlier) if self.is_blank(&self.program.bodies[*earlier]) => true,
            Some(_) if self.is_blank(&tree.ops) => false,
            Some(_) => {
                let name = String::from_utf8_lossy(&tree.name);
                return Err(Failure::syntax(at, format!("template {name:?} is defined twice")));
            }
        };
        if replaces {
            self.program.names.insert(tree.name, self.program.bodies.len());
            self.program.bodies.push(tree.ops);
        }
        Ok(())
    }

    fn is_blank(&self, ops: &[Op]) -> bool {
        ops.iter().all(|op| match op {
            Op::Text { start, end } => crate::unicode::characters(self.tokens.slice(*start, *end))
                .all(|(character, _)| character.is_whitespace()),
            _ => false,
        })
    }
}

impl Tree {
    /// Ends a structure: its operations learn where its end is.
    fn close(&mut self, open: &Open) {
        if open.jump.is_none() && open.keyword == Keyword::Range {
            self.ranges -= 1;
            let next = self.ops.len();
            self.ops.push(Op::Next { body: open.op + 1, end: 0 });
            set_next(&mut self.ops[open.op], next);
        }
        let end = self.ops.len();
        match open.jump {
            Some(jump) => self.ops[jump] = Op::Jump(end),
            None => set_otherwise(&mut self.ops[open.op], end),
        }
        if let Op::Range { next, end: range_end, .. } = &mut self.ops[open.op] {
            *range_end = end;
            let next = *next;
            if let Op::Next { end: next_end, .. } = &mut self.ops[next] {
                *next_end = end;
            }
        }
        self.ops.push(Op::End);
        self.variables.truncate(open.variables);
    }
}

fn set_otherwise(op: &mut Op, to: Target) {
    if let Op::If { otherwise, .. } | Op::With { otherwise, .. } | Op::Range { otherwise, .. } = op {
        *otherwise = to;
    }
}

fn set_next(op: &mut Op, to: Target) {
    if let Op::Range { next, .. } = op {
        *next = to;
    }
}

fn name_of(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Block => "block",
        Keyword::Break => "break",
        Keyword::Continue => "continue",
        Keyword::Define => "define",
        Keyword::Else => "else",
        Keyword::End => "end",
        Keyword::If => "if",
        Keyword::Range => "range",
        Keyword::Template => "template",
        Keyword::With => "with",
    }
}

#[cfg(test)]
mod tests;
