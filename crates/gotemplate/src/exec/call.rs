//! Calls built-in functions.

use super::Machine;
use crate::buffer::Buffer;
use crate::datum::{Datum, List};
use crate::error::Failure;
use crate::function::Function;
use crate::program::Operand;
use crate::{compare, escape, format};

impl<'a> Machine<'a, '_> {
    /// Calls a function; `piped` is its last argument, if there is one.
    pub(super) fn call(
        &mut self,
        at: usize,
        function: Function,
        arguments: &'a [Operand],
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, Failure> {
        let given = arguments.len() + usize::from(piped.is_some());
        function.check_arguments(given).map_err(|message| Failure::render(at, message))?;
        if matches!(function, Function::And | Function::Or) {
            return self.short_circuit(function, arguments, piped);
        }
        let mut values = Vec::with_capacity(given);
        for argument in arguments {
            if function == Function::Slice && !values.is_empty() && self.is_boxed(argument)? {
                let message =
                    "slice: an index is an integer, not an element of a list or map; put it in parentheses";
                return Err(Failure::render(argument.at, message));
            }
            values.push(self.operand(argument)?);
        }
        values.extend(piped);
        self.budget.take_steps(at, 1)?;
        let failed = |message: String| Failure::render(at, format!("{}: {message}", function.name()));
        match function {
            Function::And | Function::Or | Function::Call => {
                Err(failed("there is nothing to call".to_owned()))
            }
            Function::Print | Function::Println | Function::Printf => {
                self.print_function(at, function, &values)
            }
            Function::Html | Function::Js | Function::UrlQuery => self.escape(at, function, values),
            Function::Index => index(&values).map_err(failed),
            Function::Slice => self.slice(at, &values),
            Function::Len => length(&values[0]).map_err(failed),
            Function::Not => Ok(Datum::Bool(!values[0].truth())),
            Function::Eq | Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge => {
                let cost = values[1..].iter().map(|other| compare::cost(&values[0], other)).sum();
                self.budget.take_steps(at, cost)?;
                compare(function, &values).map(Datum::Bool).map_err(failed)
            }
        }
    }

    /// `and`, `or`: the first argument that decides, without a look at those behind it, or else the last.
    fn short_circuit(
        &mut self,
        function: Function,
        arguments: &'a [Operand],
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, Failure> {
        let mut value = Datum::Nil;
        for argument in arguments {
            value = self.operand(argument)?;
            if value.truth() == (function == Function::Or) {
                return Ok(value);
            }
        }
        Ok(piped.unwrap_or(value))
    }

    /// Lets a function build text within what is left of the limit.
    fn build(&mut self, at: usize, build: impl FnOnce(&mut Buffer)) -> Result<Vec<u8>, Failure> {
        let mut out = Buffer::new(self.budget.bytes_left());
        build(&mut out);
        let bytes = out.take().ok_or_else(|| self.budget.too_long(at))?;
        self.budget.take_bytes(at, bytes.len())?;
        Ok(bytes)
    }

    fn print_function(
        &mut self,
        at: usize,
        function: Function,
        values: &[Datum<'a>],
    ) -> Result<Datum<'a>, Failure> {
        let mut problem = Ok(());
        let text = self.build(at, |out| match (function, values) {
            (Function::Print, _) => format::print(values, out),
            (Function::Println, _) => format::println(values, out),
            (_, [Datum::Text(format), operands @ ..]) => {
                problem = format::printf(format.bytes(), operands, out);
            }
            (_, [other, ..]) => problem = Err(format!("the format is {}, not a string", other.kind_name())),
            _ => {}
        })?;
        problem.map_err(|message| Failure::render(at, format!("{}: {message}", function.name())))?;
        Ok(Datum::made(text))
    }

    /// Escapes what `print` makes of the arguments, but for nil, which is `<no value>` here.
    fn escape(
        &mut self,
        at: usize,
        function: Function,
        mut values: Vec<Datum<'a>>,
    ) -> Result<Datum<'a>, Failure> {
        for value in &mut values {
            if matches!(value, Datum::Nil) {
                *value = Datum::Text(crate::datum::Text::Borrowed(b"<no value>"));
            }
        }
        let text = self.build(at, |out| format::print(&values, out))?;
        let escape = match function {
            Function::Html => escape::html,
            Function::Js => escape::js,
            _ => escape::url_query,
        };
        self.build(at, |out| escape(&text, out)).map(Datum::made)
    }

    fn slice(&mut self, at: usize, values: &[Datum<'a>]) -> Result<Datum<'a>, Failure> {
        let failed = |message: String| Failure::render(at, format!("slice: {message}"));
        let (item, indexes) = values.split_first().ok_or_else(|| failed("nothing to slice".to_owned()))?;
        match item {
            Datum::Text(text) => {
                if indexes.len() > 2 {
                    return Err(failed("a string takes two indexes at most".to_owned()));
                }
                let bytes = text.bytes();
                let (start, end, _) = bounds(indexes, bytes.len(), bytes.len()).map_err(failed)?;
                self.build(at, |out| out.extend(&bytes[start..end])).map(Datum::made)
            }
            Datum::List(list) => {
                let (start, end, cap) = bounds(indexes, list.length, list.reach.len()).map_err(failed)?;
                Ok(Datum::List(List { reach: &list.reach[start..cap], length: end - start }))
            }
            other => Err(failed(format!("cannot slice {}", other.kind_name()))),
        }
    }
}

/// Start, end and capacity of a slice.
fn bounds(indexes: &[Datum<'_>], length: usize, capacity: usize) -> Result<(usize, usize, usize), String> {
    if indexes.len() > 3 {
        return Err(format!("{} indexes; three at most", indexes.len()));
    }
    let mut found = [0, length, capacity];
    for (bound, index) in found.iter_mut().zip(indexes) {
        *bound = position(index, capacity)?;
    }
    let [start, end, capacity] = found;
    if start > end {
        return Err(format!("{start} comes after {end}"));
    }
    if end > capacity {
        return Err(format!("{end} comes after {capacity}"));
    }
    Ok((start, end, capacity))
}

/// An index that is at most `last`.
fn position(index: &Datum<'_>, last: usize) -> Result<usize, String> {
    let number = match index {
        Datum::Int(number) => *number,
        Datum::Byte(number) => i64::from(*number),
        other => return Err(format!("an index is an integer, not {}", other.kind_name())),
    };
    usize::try_from(number)
        .ok()
        .filter(|number| *number <= last)
        .ok_or_else(|| format!("index {number} is out of range"))
}

fn index<'a>(values: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let (item, indexes) = values.split_first().ok_or("nothing to index")?;
    if matches!(item, Datum::Nil) {
        return Err("nothing can be found in nil".to_owned());
    }
    let mut item = item.clone();
    for index in indexes {
        item = element(&item, index)?;
    }
    Ok(item)
}

fn element<'a>(item: &Datum<'a>, index: &Datum<'a>) -> Result<Datum<'a>, String> {
    let out_of_range = |at: usize| format!("index {at} is out of range");
    match item {
        Datum::Text(text) => {
            let at = position(index, text.bytes().len())?;
            text.bytes().get(at).map(|byte| Datum::Byte(*byte)).ok_or_else(|| out_of_range(at))
        }
        Datum::List(list) => {
            let at = position(index, list.length)?;
            list.items().get(at).map(Datum::of).ok_or_else(|| out_of_range(at))
        }
        Datum::Map(map) => {
            let Datum::Text(key) = index else {
                return Err(format!("a key of this map is a string, not {}", index.kind_name()));
            };
            Ok(match map.get_bytes(key.bytes()) {
                Some(value) => Datum::of(value),
                // The zero of the type: a missing key is no error here, unlike `.key`.
                None if map.is_of_strings() => Datum::made(Vec::new()),
                None => Datum::Nil,
            })
        }
        Datum::Nil => Err("nothing can be found in nil".to_owned()),
        other => Err(format!("cannot index {}", other.kind_name())),
    }
}

fn length<'a>(item: &Datum<'_>) -> Result<Datum<'a>, String> {
    let length = match item {
        Datum::Text(text) => text.bytes().len(),
        Datum::List(list) => list.length,
        Datum::Map(map) => map.entries().len(),
        other => return Err(format!("{} has no length", other.kind_name())),
    };
    Ok(Datum::of_length(length))
}

fn compare(function: Function, values: &[Datum<'_>]) -> Result<bool, String> {
    let (first, others) = values.split_first().ok_or("missing argument")?;
    if function == Function::Eq {
        return equal_to_any(first, others);
    }
    let second = others.first().ok_or("missing argument")?;
    match function {
        Function::Ne => compare::equal(first, second).map(|equal| !equal),
        Function::Lt => compare::less(first, second),
        Function::Ge => compare::less(first, second).map(|less| !less),
        Function::Le => less_or_equal(first, second),
        _ => less_or_equal(first, second).map(|less| !less),
    }
}

fn equal_to_any(first: &Datum<'_>, others: &[Datum<'_>]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument".to_owned());
    }
    for other in others {
        if compare::equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn less_or_equal(first: &Datum<'_>, second: &Datum<'_>) -> Result<bool, String> {
    Ok(compare::less(first, second)? || compare::equal(first, second)?)
}
