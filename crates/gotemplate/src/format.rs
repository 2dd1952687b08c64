//! `print`, `println` and `printf`: values as text, by the rules of Go's `fmt`.

mod float;
mod printf;
mod quote;
mod scalar;

use crate::buffer::Buffer;
use crate::datum::Datum;
use crate::unicode;

pub(crate) use printf::printf;

/// `fmt.Sprint`: a space between two operands neither of which is a string.
pub(crate) fn print(operands: &[Datum<'_>], out: &mut Buffer) {
    let mut after_text = true;
    for operand in operands {
        let is_text = matches!(operand, Datum::Text(_));
        if !is_text && !after_text {
            out.push(b' ');
        }
        Printer::new(out).operand(operand, 'v');
        after_text = is_text;
    }
}

/// `fmt.Sprintln`: a space between all operands, and a line feed.
pub(crate) fn println(operands: &[Datum<'_>], out: &mut Buffer) {
    for (at, operand) in operands.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        Printer::new(out).operand(operand, 'v');
    }
    out.push(b'\n');
}

/// The flags of a verb.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are Go's flags, any of which may be set")]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

/// Writes one operand under a verb.
struct Printer<'b> {
    out: &'b mut Buffer,
    flags: Flags,
    width: Option<usize>,
    precision: Option<usize>,
    /// `%p` of something that has an address.
    asked_for_address: bool,
}

impl<'b> Printer<'b> {
    fn new(out: &'b mut Buffer) -> Self {
        Self { out, flags: Flags::default(), width: None, precision: None, asked_for_address: false }
    }

    /// Writes an operand of a print function.
    fn operand(&mut self, operand: &Datum<'_>, verb: char) {
        let composite = matches!(operand, Datum::List(_) | Datum::Map(_) | Datum::Struct(_));
        match (verb, operand) {
            ('T' | 'v', Datum::Nil) => self.pad(b"<nil>"),
            (_, Datum::Nil) => self.bad_verb(verb, operand),
            ('T', _) => self.string(operand.type_name().as_bytes()),
            ('p', Datum::List(_) | Datum::Map(_)) => self.asked_for_address = true,
            ('p', _) => self.bad_verb(verb, operand),
            ('w', _) if composite => self.bad_verb(verb, operand),
            _ => self.value(operand, verb),
        }
    }

    /// Writes a value, which may lie inside of another.
    fn value(&mut self, value: &Datum<'_>, verb: char) {
        if self.out.is_full() {
            return;
        }
        match value {
            Datum::Nil if self.flags.sharp_v => self.out.push_str("interface {}(nil)"),
            Datum::Nil => self.out.push_str("<nil>"),
            Datum::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, value),
            },
            Datum::Int(number) => self.integer(number.unsigned_abs(), *number < 0, verb, value),
            Datum::Byte(number) => self.byte(*number, verb, value),
            Datum::Float(number) => self.float_verb(*number, verb, value),
            Datum::Complex(real, imaginary) => self.complex(*real, *imaginary, verb, value),
            Datum::Text(text) => self.text(text.bytes(), verb, value),
            Datum::List(list) => {
                self.open(value, "[");
                for (at, item) in list.items().iter().enumerate() {
                    self.separate(at);
                    self.value(&Datum::of(item), verb);
                }
                self.close("]");
            }
            Datum::Map(map) => {
                self.open(value, "map[");
                for (at, (key, item)) in map.entries().iter().enumerate() {
                    self.separate(at);
                    self.value(&Datum::Text(crate::datum::Text::Borrowed(key.as_bytes())), verb);
                    self.out.push(b':');
                    self.value(&Datum::of(item), verb);
                }
                self.close("]");
            }
            Datum::Struct(fields) => {
                self.open(value, "{");
                for (at, (name, item)) in fields.fields().iter().enumerate() {
                    self.separate(at);
                    if self.flags.plus_v || self.flags.sharp_v {
                        self.out.push_str(name);
                        self.out.push(b':');
                    }
                    self.value(&Datum::of(item), verb);
                }
                self.close("}");
            }
        }
    }

    fn open(&mut self, value: &Datum<'_>, bracket: &str) {
        if self.flags.sharp_v {
            self.out.push_str(value.type_name());
            self.out.push(b'{');
        } else {
            self.out.push_str(bracket);
        }
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.out.push_str(if self.flags.sharp_v { ", " } else { " " });
        }
    }

    fn close(&mut self, bracket: &str) {
        self.out.push_str(if self.flags.sharp_v { "}" } else { bracket });
    }

    /// `%!d(string=hi)`
    fn bad_verb(&mut self, verb: char, value: &Datum<'_>) {
        self.out.push_str("%!");
        self.out.push_char(verb);
        self.out.push(b'(');
        if matches!(value, Datum::Nil) {
            self.out.push_str("<nil>");
        } else {
            self.out.push_str(value.type_name());
            self.out.push(b'=');
            self.value(value, 'v');
        }
        self.out.push(b')');
    }

    /// Writes text in a field of the width that was asked for.
    fn pad(&mut self, text: &[u8]) {
        let missing = self.width.unwrap_or(0).saturating_sub(unicode::count(text));
        if self.flags.minus {
            self.out.extend(text);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.out.extend(text);
        }
    }

    fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.fill(byte, count);
    }

    /// The same for text whose zeros are already there.
    fn pad_with_spaces(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }
}

#[cfg(test)]
mod tests;
