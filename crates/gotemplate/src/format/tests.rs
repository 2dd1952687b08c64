use super::*;
use crate::datum::Text;

fn text(text: &str) -> Datum<'_> {
    Datum::Text(Text::Borrowed(text.as_bytes()))
}

fn formatted(format: &str, operands: &[Datum<'_>]) -> String {
    let mut out = Buffer::new(1 << 21);
    printf(format.as_bytes(), operands, &mut out).expect(format);
    String::from_utf8(out.take().expect("short")).expect("UTF-8")
}

#[test]
fn verbs_format_as_in_go() {
    let int = Datum::Int;
    let float = Datum::Float;
    for (format, operand, expected) in [
        ("%d|", int(-42), "-42|"),
        ("%5d|", int(42), "   42|"),
        ("%-5d|", int(42), "42   |"),
        ("%05d|", int(-42), "-0042|"),
        ("%+d|", int(42), "+42|"),
        ("%x %[1]X %#[1]x %[1]o %#[1]o %[1]O %[1]b", int(255), "ff FF 0xff 377 0377 0o377 11111111"),
        ("%c %[1]q %[1]U %#[1]U", int(0x65E5), "日 '日' U+65E5 U+65E5 '日'"),
        ("%.3d|%8.3[1]d", int(7), "007|     007"),
        (
            "%v %[1]g %[1]e %[1]f %.2[1]f",
            float(1234.5678),
            "1234.5678 1234.5678 1.234568e+03 1234.567800 1234.57",
        ),
        ("%v", float(1e6), "1e+06"),
        ("%v", float(100_000.0), "100000"),
        ("%v", float(1e-5), "1e-05"),
        ("%8.2f|", float(3.125), "    3.12|"),
        ("%+08.2f|", float(3.125), "+0003.12|"),
        ("%#g", float(1.0), "1.00000"),
        ("%x", float(1.5), "0x1.8p+00"),
        ("%b", float(1.0), "4503599627370496p-52"),
        ("%s|%[1]10s", text("hi"), "hi|%!s(BADINDEX)"),
        ("%5s|", text("é"), "    é|"),
        ("%.2s|", text("日本語"), "日本|"),
        ("%q %+[1]q %#[1]q", text("a\té"), "\"a\\té\" \"a\\t\\u00e9\" `a\té`"),
        ("%x % [1]X %#[1]x", text("hi"), "6869 68 69 0x6869"),
        ("%t", Datum::Bool(true), "true"),
        ("%d", text("hi"), "%!d(string=hi)"),
        ("%s", int(1), "%!s(int=1)"),
        ("%z", Datum::Bool(false), "%!z(bool=false)"),
        ("%v %[1]d %[1]T", Datum::Nil, "<nil> %!d(<nil>) <nil>"),
        ("%T", text(""), "string"),
        ("%!", int(1), "%!!(int=1)"),
        ("100%", int(1), "100%!(NOVERB)%!(EXTRA int=1)"),
        ("%d %d", int(1), "1 %!d(MISSING)"),
        ("%%", int(1), "%%!(EXTRA int=1)"),
        ("%*d", int(5), "%!d(MISSING)"),
        ("%*d", text("a"), "%!(BADWIDTH)%!d(MISSING)"),
        ("%v", Datum::Complex(1.0, -2.0), "(1-2i)"),
    ] {
        assert_eq!(formatted(format, &[operand]), expected, "{format}");
    }
}

#[test]
fn print_puts_spaces_between_what_is_not_text() {
    let mut out = Buffer::new(100);
    print(&[text("a"), Datum::Int(1), Datum::Int(2), text("b"), text("c"), Datum::Nil], &mut out);
    assert_eq!(out.take(), Some(b"a1 2bc<nil>".to_vec()));
}

#[test]
fn widths_of_a_million_and_no_more() {
    assert_eq!(formatted("%1000000d", &[Datum::Int(1)]).len(), 1_000_000);
    assert_eq!(formatted("%.1000000f", &[Datum::Float(1.0)]).len(), 1_000_002);
    assert_eq!(formatted("%.1000000U", &[Datum::Int(1)]).len(), 1_000_002);
    assert_eq!(formatted("%99999999d", &[Datum::Int(1)]), "%!(NOVERB)%!(EXTRA int=1)");
}
