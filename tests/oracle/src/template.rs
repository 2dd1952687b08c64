//! Templates over the data of the committed cases.

use serde_json::Value as Json;
use stoker_gotemplate::{Error, Limits, Map, Struct, Template, Value};

use crate::case::{Answer, Case, Known};
use crate::random::Random;

/// Below what the original could be kept busy with, and far above what a case needs.
const LIMITS: Limits = Limits { bytes: 1 << 20, steps: 200_000, depth: 500 };

#[rustfmt::skip]
pub(crate) const TOKENS: &[&str] = &[
    "{{", "}}", "{{-", "-}}", "{{- ", " -}}", "{{end}}", "{{else}}", "{{else if 0}}", "{{else with 1}}",
    "{{break}}", "{{continue}}", "{{/* c */}}", "{{range .list}}", "{{range $i, $e := .words}}",
    "{{with .map}}", "{{if .yes}}", "{{define \"x\"}}", "{{template \"x\" .}}", "{{block \"y\" .}}",
    "$x", "$x := 1", "$x = 2", "$", ".", ".text", ".Vars.site", "|", "(", ")", "\"", "`", "'a'", "nil",
    "true", "0", "1.5", "-1", "0x1F", "1e3", "1i", "%v", "%q", "%d", "%+v", "%#v", "%5.2f", "%x",
    "%[2]v", "%*d", "eq", "ne", "lt", "and", "or", "not", "len", "index", "slice", "print", "printf",
    "println", "html", "js", "urlquery", "call", ",", "=", ":=", " ", "\n", "é", "\\", "\\n", "\\u00e9",
    "_", "1_000", "{", "}", "\u{0}", "\t",
];
#[rustfmt::skip]
const VALUES: &[&str] = &[
    ".null", ".yes", ".no", ".zero", ".one", ".minus", ".big", ".max", ".pi", ".whole", ".tiny", ".huge",
    ".million", ".text", ".empty", ".bytes", ".list", ".numbers", ".words", ".nothing", ".map", ".map.a",
    ".map.b", ".map.a.c", ".nomap", ".strings", ".strings.x", ".nostrings", ".matrix", ".users", ".tree",
    ".tree.v", ".missing", ".map.missing", ".strings.missing",
];
#[rustfmt::skip]
const CONTEXT: &[&str] = &[
    ".GatewayName", ".PodName", ".PodOrdinal", ".Namespace", ".Ref", ".Commit", ".CRName", ".Labels",
    ".Labels.role", ".Vars", ".Vars.site", ".Vars.quote", ".Vars.path", ".Vars.unicode", ".Vars.lines",
    ".Vars.number", ".Vars.missing", ".Missing", "(index .Labels \"app.kubernetes.io/name\")",
];
#[rustfmt::skip]
const LITERALS: &[&str] = &[
    "0", "1", "2", "-1", "+3", "1.5", "-0.0", "1e3", "1e21", "0x1F", "0b101", "0o17", "017", "1_000",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "0x1p-2", "'a'", "'\\n'",
    "'é'", "\"a\"", "\"\"", "\"é\\t\\\"\"", "`raw\\n`", "true", "false", "nil", "\"<a href='x'>&\"",
    "\"a b/c?d=é\"", "\"\\x00\\u2028\"", "1i", "\"1\"", "\"hello\"", "1e-7", "123456789.0", "0.1",
];
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "%v", "%d", "%s", "%q", "%x", "%X", "%t", "%f", "%e", "%g", "%c", "%U", "%b", "%o", "%O", "%T", "%%",
    "%+v", "%#v", "%+d", "% d", "%05d", "%-5d|", "%5s|", "%-5s|", "%.2s", "%.2f", "%8.3f", "%+.1e",
    "%#x", "% x", "%#q", "%+q", "%#U", "%#o", "%[1]v", "%[2]d", "%[3]*.[2]*[1]f", "%*d", "%.*f", "%z",
    "%!", "%", "%[", "%[x]d", "%.", "%6.2", "%G", "%E", "%F", "%-010d", "%+q", "%08.3f", "%w", "%.3v",
    "%10v", "%#g", "%x ", "%.0f", "%.20g", "%v %v",
];

pub(crate) fn answer(case: &Case, known: &Known) -> Answer {
    let (text, Some(data)) = (&case.parts[0], known.data.get(&case.with)) else { return Answer::Skip };
    if is_different_on_purpose(text) {
        return Answer::Skip;
    }
    let mut output = Vec::new();
    let rendered =
        Template::parse("template", text).and_then(|template| template.render(data, &LIMITS, &mut output));
    match rendered {
        Ok(()) => Answer::Output(output),
        Err(Error::Limit(_)) => Answer::Skip,
        Err(_) => Answer::Error,
    }
}

/// `%p` prints an address, which is another one at each run.
fn is_different_on_purpose(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'%').skip(1).any(|verb| {
        let flags = |byte: &&u8| b"+-# 0123456789.*[]".contains(byte);
        verb.iter().find(|byte| !flags(byte)) == Some(&b'p')
    })
}

pub(crate) fn generate(random: &mut Random) -> Case {
    let context = random.once_in(3);
    let mut writer =
        Writer { random, names: if context { CONTEXT } else { VALUES }, variables: Vec::new(), loops: 0 };
    let mut text = String::new();
    writer.list(3, &mut text);
    Case { with: if context { "context" } else { "values" }.to_owned(), parts: vec![text.into_bytes()] }
}

struct Writer<'a> {
    random: &'a mut Random,
    names: &'static [&'static str],
    variables: Vec<String>,
    loops: usize,
}

impl Writer<'_> {
    fn list(&mut self, depth: usize, out: &mut String) {
        let declared = self.variables.len();
        for _ in 0..=self.random.below(3) {
            match self.random.below(6) {
                0 => {
                    *out += self
                        .random
                        .pick(&["text", " ", "\n", " a \n b ", "<", "{", "}", "é", "\t\r\n", "-", "{ {"]);
                }
                1 | 2 if depth > 0 => self.block(depth, out),
                _ => self.action(depth, out),
            }
        }
        self.variables.truncate(declared);
    }

    fn open(&mut self, out: &mut String) {
        *out += self.random.pick(&["{{", "{{", "{{", "{{- ", "{{ "]);
    }

    fn close(&mut self, out: &mut String) {
        *out += self.random.pick(&["}}", "}}", "}}", " -}}", " }}"]);
    }

    fn word(&mut self, word: &str, out: &mut String) {
        self.open(out);
        *out += word;
        self.close(out);
    }

    fn action(&mut self, depth: usize, out: &mut String) {
        match self.random.below(14) {
            0 => self.word("/* c */", out),
            1 if self.loops > 0 => {
                let word = self.random.pick(&["break", "continue"]).to_owned();
                self.word(&word, out);
            }
            2 => {
                self.open(out);
                let name = format!("$v{}", self.random.below(3));
                *out += &name;
                *out += self.random.pick(&[" := ", " := ", ":=", " = "]);
                self.pipeline(depth, out);
                self.close(out);
                self.variables.push(name);
            }
            3 => {
                let name = self.random.below(3);
                self.open(out);
                *out += &format!("template \"t{name}\"");
                if self.random.once_in(2) {
                    *out += " ";
                    self.pipeline(1, out);
                }
                self.close(out);
            }
            _ => {
                self.open(out);
                self.pipeline(depth, out);
                self.close(out);
            }
        }
    }

    fn block(&mut self, depth: usize, out: &mut String) {
        let declared = self.variables.len();
        let kind = self.random.below(6);
        self.open(out);
        match kind {
            0 | 1 => *out += "if ",
            2 => *out += "with ",
            3 => {
                *out += "range ";
                *out += self.random.pick(&["", "$v0 := ", "$v0, $v1 := ", "$v0, $v1 = "]);
                self.variables.extend(["$v0".to_owned(), "$v1".to_owned()]);
            }
            4 => *out += &format!("define \"t{}\"", self.random.below(3)),
            _ => *out += &format!("block \"t{}\" ", self.random.below(3)),
        }
        if kind != 4 {
            self.pipeline(2, out);
        }
        self.close(out);
        self.loops += usize::from(kind == 3);
        self.list(depth - 1, out);
        self.loops -= usize::from(kind == 3);
        if kind < 4 {
            if self.random.once_in(4) {
                let word = self.random.pick(&["else if ", "else with "]).to_owned();
                self.open(out);
                *out += &word;
                self.pipeline(1, out);
                self.close(out);
                self.list(depth - 1, out);
            }
            if self.random.once_in(2) {
                self.word("else", out);
                self.list(depth - 1, out);
            }
        }
        if !self.random.once_in(60) {
            self.word("end", out);
        }
        self.variables.truncate(declared);
    }

    fn pipeline(&mut self, depth: usize, out: &mut String) {
        self.command(depth, out);
        for _ in 0..[0, 0, 0, 1, 2][self.random.below(5)] {
            *out += self.random.pick(&[" | ", "|"]);
            let function = self.random.pick(&[
                "print",
                "println",
                "printf \"%v\"",
                "printf \"%5v|\"",
                "len",
                "html",
                "js",
                "urlquery",
                "not",
                "index .map",
                "eq 1",
                "and true",
                "or 0",
                "slice \"hello\"",
                "lt 1",
                "ne nil",
                "index .words",
            ]);
            *out += function;
        }
    }

    fn command(&mut self, depth: usize, out: &mut String) {
        match self.random.below(12) {
            0..=4 => self.operand(depth, out),
            5 => {
                *out += "printf \"";
                for _ in 0..=self.random.below(2) {
                    *out += self.random.pick(VERBS);
                }
                *out += "\"";
                self.arguments(0, 3, depth, out);
            }
            6 => {
                *out += self.random.pick(&["eq", "ne", "lt", "le", "gt", "ge"]);
                self.arguments(1, 3, depth, out);
            }
            7 => {
                *out += self.random.pick(&["and", "or", "not"]);
                self.arguments(1, 3, depth, out);
            }
            8 => {
                *out += self.random.pick(&["index", "slice"]);
                *out += " ";
                *out += self.random.pick(self.names);
                self.arguments(0, 3, depth, out);
            }
            _ => {
                *out += self
                    .random
                    .pick(&["print", "println", "len", "html", "js", "urlquery", "print", "nothing", "call"]);
                self.arguments(0, 3, depth, out);
            }
        }
    }

    fn arguments(&mut self, least: usize, most: usize, depth: usize, out: &mut String) {
        for _ in 0..least + self.random.below(most - least + 1) {
            *out += " ";
            self.operand(depth, out);
        }
    }

    fn operand(&mut self, depth: usize, out: &mut String) {
        match self.random.below(12) {
            0..=3 => *out += self.random.pick(LITERALS),
            4 if depth > 0 => {
                *out += "(";
                self.pipeline(depth - 1, out);
                *out += ")";
                *out += self.random.pick(&["", "", "", ".a", ".x.y"]);
            }
            5 => match self.variables.last() {
                Some(name) => *out += name,
                None => *out += "$",
            },
            6 => {
                *out += self.random.pick(&[
                    ".",
                    "$",
                    ".",
                    "$.text",
                    "$.Vars.site",
                    "$v1",
                    ".k",
                    ".name",
                    ".roles",
                ]);
            }
            _ => *out += self.random.pick(self.names),
        }
    }
}

/// The data of a case: typed as the Go program types it.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(entries) => {
            if let Some(strings) = entries.get("$strings") {
                return strings_of(strings);
            }
            if let Some(context) = entries.get("$context") {
                return context_of(context);
            }
            Value::Map(Map::of_values(entries.iter().map(|(key, item)| (key, value(item)))))
        }
    }
}

fn strings_of(json: &Json) -> Value {
    let entries = json.as_object().into_iter().flatten();
    Value::Map(Map::of_strings(entries.map(|(key, item)| (key, item.as_str().unwrap_or_default()))))
}

fn context_of(json: &Json) -> Value {
    let text = |name: &str| Value::from(json[name].as_str().unwrap_or_default());
    let fields = [
        ("GatewayName", text("GatewayName")),
        ("PodName", text("PodName")),
        ("PodOrdinal", Value::Int(json["PodOrdinal"].as_i64().unwrap_or_default())),
        ("Namespace", text("Namespace")),
        ("Ref", text("Ref")),
        ("Commit", text("Commit")),
        ("CRName", text("CRName")),
        ("Labels", strings_of(&json["Labels"])),
        ("Vars", strings_of(&json["Vars"])),
    ];
    Value::Struct(Struct::new("main.Context", fields))
}
