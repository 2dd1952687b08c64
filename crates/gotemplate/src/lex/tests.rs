use super::*;

fn kinds(text: &str) -> Vec<(Kind, String)> {
    let mut lexer = Lexer::new(text.as_bytes());
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next().unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
        if token.kind == Kind::End {
            return tokens;
        }
        tokens.push((token.kind, text[token.start..token.end].to_owned()));
    }
}

fn refused(text: &str) -> usize {
    let mut lexer = Lexer::new(text.as_bytes());
    loop {
        match lexer.next() {
            Ok(token) if token.kind == Kind::End => panic!("{text} is accepted"),
            Ok(_) => {}
            Err(failure) => return failure.offset,
        }
    }
}

#[test]
fn text_and_actions_alternate() {
    use Kind::{Field, LeftDelim, RightDelim, Space, Text};
    let expected = [
        (Text, "a "),
        (LeftDelim, "{{"),
        (Field, ".x"),
        (Field, ".y"),
        (Space, " "),
        (RightDelim, "}}"),
        (Text, " b"),
    ];
    assert_eq!(kinds("a {{.x.y }} b"), expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn trim_marks_take_the_white_space_beside_them() {
    let texts = |text| {
        kinds(text)
            .into_iter()
            .filter(|(kind, _)| *kind == Kind::Text)
            .map(|(_, text)| text)
            .collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("a \n {{- 1 -}} \t\r\n b", vec!["a", "b"]),
        ("a {{-1}} b", vec!["a ", " b"]),
        ("{{1 -}}  ", vec![]),
        ("a {{- /* c */ -}} b", vec!["a", "b"]),
        ("a {{/* c */}} b", vec!["a ", " b"]),
        ("a\u{a0}{{- 1 }}", vec!["a\u{a0}"]),
        ("{{1  -}} x", vec!["x"]),
    ] {
        assert_eq!(texts(text), expected, "{text:?}");
    }
}

#[test]
fn words_are_told_apart() {
    use Kind::{
        Assign, Bool, Character, Complex, Declare, Dot, Identifier, Nil, Number, Other, Pipe, RawString,
        String, Variable,
    };
    for (word, kind) in [
        (".", Dot),
        ("$", Variable),
        ("$x1", Variable),
        ("true", Bool),
        ("nil", Nil),
        ("print", Identifier),
        ("été_2", Identifier),
        ("-1", Number),
        ("0x_1F", Number),
        (".5", Number),
        ("1e-3", Number),
        ("2i", Number),
        ("1+2i", Complex),
        ("'\\''", Character),
        ("\"}}\\\"\"", String),
        ("`a\n}}`", RawString),
        ("|", Pipe),
        ("=", Assign),
        (":=", Declare),
        (",", Other(b',')),
        ("end", Kind::Keyword(Keyword::End)),
        ("break", Kind::Keyword(Keyword::Break)),
    ] {
        assert_eq!(kinds(&format!("{{{{{word}}}}}"))[1], (kind, word.to_owned()), "{word}");
    }
}

#[test]
fn what_cannot_be_cut_is_refused_where_it_is() {
    for (text, offset) in [
        ("a{{", 1),
        ("a{{b", 1),
        ("{{/* a", 0),
        ("{{/* a */ }}", 9),
        ("{{(1}}", 0),
        ("{{1)}}", 3),
        ("{{\"a\n\"}}", 2),
        ("{{\"a\\\n\"}}", 2),
        ("{{'a}}", 2),
        ("{{`a}}", 2),
        ("{{1x}}", 2),
        ("{{1-2}}", 2),
        ("{{.a-b}}", 4),
        ("{{$x+1}}", 4),
        ("{{a:b}}", 3),
        ("{{\u{1}}}", 2),
        ("{{«}}", 2),
    ] {
        assert_eq!(refused(text), offset, "{text:?}");
    }
}
