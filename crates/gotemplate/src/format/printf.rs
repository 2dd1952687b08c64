//! `printf`: the format string.

use super::{Flags, Printer};
use crate::buffer::Buffer;
use crate::datum::Datum;
use crate::unicode::decode;

/// The largest width or precision; anything above counts as none.
const LARGEST: i64 = 1_000_000;

/// `fmt.Sprintf`. What is wrong with verbs and operands is written into the text, as Go does; an error is only the
/// address of a value, which `%p` would print.
pub(crate) fn printf(format: &[u8], operands: &[Datum<'_>], out: &mut Buffer) -> Result<(), String> {
    let mut scan =
        Scan { format, at: 0, operands, next: 0, reordered: false, after_index: false, bad_index: false };
    while scan.at < format.len() && !out.is_full() {
        let text = &format[scan.at..];
        let plain = text.iter().position(|byte| *byte == b'%').unwrap_or(text.len());
        out.extend(&text[..plain]);
        scan.at += plain;
        if scan.at < format.len() {
            scan.at += 1;
            scan.verb(out)?;
        }
    }
    if !scan.reordered && scan.next < operands.len() {
        extra(&operands[scan.next..], out);
    }
    Ok(())
}

/// `%!(EXTRA int=1, string=a)`
fn extra(operands: &[Datum<'_>], out: &mut Buffer) {
    out.push_str("%!(EXTRA ");
    for (at, operand) in operands.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if !matches!(operand, Datum::Nil) {
            out.push_str(operand.type_name());
            out.push(b'=');
        }
        Printer::new(out).operand(operand, 'v');
    }
    out.push(b')');
}

/// How far a format string has been read, and which operand is next.
struct Scan<'f, 'a> {
    format: &'f [u8],
    at: usize,
    operands: &'f [Datum<'a>],
    next: usize,
    /// An explicit index (`%[2]d`) was used: then operands left over are no mistake.
    reordered: bool,
    /// The last thing read was such an index.
    after_index: bool,
    bad_index: bool,
}

impl Scan<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Reads and writes one verb; the `%` is taken.
    fn verb(&mut self, out: &mut Buffer) -> Result<(), String> {
        self.bad_index = false;
        let mut printer = Printer::new(out);
        printer.flags = self.flags();
        self.index();
        self.width(&mut printer);
        self.precision(&mut printer);
        if !self.after_index {
            self.index();
        }
        let Some((verb, length)) = decode(&self.format[self.at..]) else {
            printer.out.push_str("%!(NOVERB)");
            return Ok(());
        };
        self.at += length;
        if verb == '%' {
            printer.out.push(b'%');
            return Ok(());
        }
        let problem = match self.operands.get(self.next) {
            _ if self.bad_index => "(BADINDEX)",
            None => "(MISSING)",
            Some(operand) => {
                self.next += 1;
                if matches!(verb, 'v' | 'w') {
                    printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
                    printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
                }
                printer.operand(operand, verb);
                if printer.asked_for_address {
                    return Err("%p prints an address, which differs from run to run".to_owned());
                }
                return Ok(());
            }
        };
        printer.out.push_str("%!");
        printer.out.push_char(verb);
        printer.out.push_str(problem);
        Ok(())
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// `[3]`, counted from 1.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let close = if rest.len() < 3 { None } else { rest.iter().position(|byte| *byte == b']') };
        let Some(close) = close else {
            self.at += 1;
            self.bad_index = true;
            return;
        };
        self.at += close + 1;
        let (number, length) = number(&rest[1..close]);
        match number {
            Some(number) if length + 1 == close => {
                self.after_index = true;
                match usize::try_from(number - 1) {
                    Ok(index) if index < self.operands.len() => self.next = index,
                    _ => self.bad_index = true,
                }
            }
            _ => self.bad_index = true,
        }
    }

    fn width(&mut self, printer: &mut Printer<'_>) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            let given = self.integer();
            printer.width = given.map(|width| usize::try_from(width.unsigned_abs()).unwrap_or(0));
            match given {
                None => printer.out.push_str("%!(BADWIDTH)"),
                Some(..0) => {
                    printer.flags.minus = true;
                    printer.flags.zero = false;
                }
                Some(_) => {}
            }
            self.after_index = false;
        } else {
            printer.width = self.number();
            self.bad_index |= self.after_index && printer.width.is_some();
        }
    }

    fn precision(&mut self, printer: &mut Printer<'_>) {
        if self.peek() != Some(b'.') || self.at + 1 >= self.format.len() {
            return;
        }
        self.at += 1;
        self.bad_index |= self.after_index;
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            printer.precision = self.integer().and_then(|precision| usize::try_from(precision).ok());
            if printer.precision.is_none() {
                printer.out.push_str("%!(BADPREC)");
            }
            self.after_index = false;
        } else {
            printer.precision = Some(self.number().unwrap_or(0));
        }
    }

    /// The operand of a `*`, if it is an integer of a sensible size. It is used up in any case.
    fn integer(&mut self) -> Option<i64> {
        let operand = self.operands.get(self.next)?;
        self.next += 1;
        match operand {
            Datum::Int(number) if (-LARGEST..=LARGEST).contains(number) => Some(*number),
            Datum::Byte(number) => Some((*number).into()),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<usize> {
        let (number, length) = number(&self.format[self.at..]);
        self.at += length;
        number.and_then(|number| usize::try_from(number).ok())
    }
}

/// A decimal number and its length. One that is far too large takes the rest of the format with it.
fn number(text: &[u8]) -> (Option<i64>, usize) {
    let mut number = None;
    for (at, byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return (number, at);
        }
        let so_far = number.unwrap_or(0);
        if so_far > LARGEST {
            return (None, text.len());
        }
        number = Some(so_far * 10 + i64::from(byte - b'0'));
    }
    (number, text.len())
}
