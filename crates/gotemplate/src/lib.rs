//! Go's `text/template`, byte for byte, with missing keys as errors.
//!
//! For programs that must render the templates users wrote for Go and come to the same output: all actions and built-in
//! functions of Go 1.26 with the option `missingkey=error`, `printf` with its verbs and its complaints about wrong ones,
//! comparison as Go's types have it. A template is data that strangers write: so rendering is bounded in output, time and
//! depth ([`Limits`]), never panics, and errors say the line, the character, and which names there would have been.
//!
//! ```
//! use stoker_gotemplate::{Limits, Map, Struct, Template, Value};
//!
//! let data = Value::Struct(Struct::new("Context", [
//!     ("GatewayName", Value::from("line-7")),
//!     ("Vars", Value::Map(Map::of_strings([("site", "north"), ("area", "paint")]))),
//! ]));
//! let template = Template::parse("site.json", br#"{"name": "{{ .GatewayName | printf "%s-%s" .Vars.site }}"}"#)?;
//! let mut output = Vec::new();
//! template.render(&data, &Limits::default(), &mut output)?;
//! assert_eq!(output, br#"{"name": "north-line-7"}"#);
//!
//! let template = Template::parse("site.json", b"{{ .Vars.sitee }}")?;
//! let error = template.render(&data, &Limits::default(), &mut Vec::new()).unwrap_err();
//! assert_eq!(error.to_string(), "site.json:1:4: .Vars.sitee: no such key; known: area, site");
//! # Ok::<(), stoker_gotemplate::Error>(())
//! ```
//!
//! # Different from Go
//!
//! - The bounds of [`Limits`]; parentheses nest at most 64 deep.
//! - `%p` of a list or map is an error: an address differs from run to run.
//! - Two structs are never compared (`eq`); in Go some can be.
//! - There are no methods, functions, pointers or channels in the data; `call` always fails.
//!
//! This crate must not know where templates or data come from, nor what the output is for.

mod buffer;
mod compare;
mod datum;
mod error;
mod escape;
mod exec;
mod format;
mod function;
mod lex;
mod limits;
mod literal;
mod parse;
mod program;
mod unicode;
mod value;

use std::io::Write;

pub use error::{Error, Fault};
pub use limits::Limits;
pub use value::{Map, Struct, Value};

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    name: String,
    text: Box<[u8]>,
    program: program::Program,
}

impl Template {
    /// Parses a text, which need not be UTF-8. The name is for errors, and for `{{template}}`, which can call the whole text
    /// by it.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let program = parse::parse(name, text).map_err(|failure| failure.into_error(name, text))?;
        Ok(Self { name: name.to_owned(), text: text.into(), program })
    }

    /// Renders with `data` as the dot.
    ///
    /// The output is written in many small pieces: give it a buffer. What was written before an error is of no use.
    pub fn render(&self, data: &Value, limits: &Limits, output: &mut dyn Write) -> Result<(), Error> {
        exec::render(&self.program, &self.text, data, *limits, output)
            .map_err(|failure| failure.into_error(&self.name, &self.text))
    }
}
