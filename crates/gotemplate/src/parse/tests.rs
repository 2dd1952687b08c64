use super::*;
use crate::error::Kind as FailureKind;

fn refused(text: &str) -> String {
    match parse("t", text.as_bytes()) {
        Ok(_) => panic!("{text} is accepted"),
        Err(failure) => match *failure.kind {
            FailureKind::Syntax(message) => message,
            other => panic!("{text}: {other:?}"),
        },
    }
}

#[test]
fn blocks_must_balance() {
    for (text, message) in [
        ("a{{end}}b", "this {{end}} closes nothing"),
        ("{{else}}", "this {{else}} belongs to nothing"),
        ("{{if 1}}", "{{if}} has no {{end}}"),
        ("{{range 1}}{{if 1}}{{end}}", "{{range}} has no {{end}}"),
        ("{{define \"a\"}}", "{{define}} has no {{end}}"),
        ("{{block \"a\" .}}x", "{{block}} has no {{end}}"),
        ("{{if 1}}{{else}}{{else}}{{end}}", "a second {{else}} where {{end}} is expected"),
        ("{{if 1}}{{else if 2}}{{else}}{{else}}{{end}}", "a second {{else}} where {{end}} is expected"),
        ("{{range 1}}{{else if 1}}{{end}}", "unexpected \"if\" in after else"),
        ("{{with 1}}{{else if 1}}{{end}}", "unexpected \"if\" in after else"),
        ("{{define \"a\"}}{{else}}{{end}}", "this {{else}} belongs to nothing"),
        ("{{if 1}}{{define \"a\"}}{{end}}{{end}}", "unexpected \"define\" in action"),
        ("{{break}}", "{{break}} outside of {{range}}"),
        ("{{range 1}}{{else}}{{continue}}{{end}}", "{{continue}} outside of {{range}}"),
        ("{{range 1}}{{block \"a\" .}}{{break}}{{end}}{{end}}", "{{break}} outside of {{range}}"),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn expressions_must_be_well_formed() {
    for (text, message) in [
        ("{{}}", "missing value for action"),
        ("{{if}}{{end}}", "missing value for if"),
        ("{{1 | 2}}", "a literal cannot take the value before the \"|\""),
        ("{{. | nil}}", "a literal cannot take the value before the \"|\""),
        ("{{()}}", "missing value for parentheses"),
        ("{{$x}}", "variable $x is not defined"),
        ("{{if 1}}{{$x := 1}}{{end}}{{$x}}", "variable $x is not defined"),
        ("{{$x := 1}}{{define \"a\"}}{{$x}}{{end}}", "variable $x is not defined"),
        ("{{1.x}}", "\"1.x\" is not a number"),
        ("{{\"a\".x}}", "a literal has no fields"),
        ("{{nil.x}}", "a literal has no fields"),
        ("{{'ab'}}", "not exactly one character between the quotes"),
        ("{{\"\\z\"}}", "this string has an escape that does not exist"),
        ("{{$a, $b := 1}}", "too many declarations in action"),
        ("{{range $a, $b, $c := 1}}{{end}}", "too many declarations in range"),
        ("{{range $a, 1}}{{end}}", "range can only initialize variables"),
        ("{{template}}", "unexpected \"}}\" in template"),
        ("{{template .x}}", "unexpected \".x\" in template"),
        ("{{print \"a\"\"b\"}}", "unexpected \"\\\"b\\\"\" in operand"),
        ("{{1,2}}", "unexpected \",\" in operand"),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
    assert!(
        refused("{{include \"a\"}}").starts_with("function include is not defined; known: and, call, eq,")
    );
}

#[test]
fn a_name_is_defined_once_unless_one_is_blank() {
    assert_eq!(
        refused("{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}"),
        "template \"a\" is defined twice"
    );
    assert_eq!(refused("{{define \"t\"}}x{{end}}y"), "template \"t\" is defined twice");
    for text in [
        "{{define \"a\"}} \u{a0}\n{{end}}{{define \"a\"}}y{{end}}",
        "{{define \"a\"}}x{{end}}{{define \"a\"}}{{/* c */}}{{end}}",
        "{{define \"t\"}}x{{end}} ",
    ] {
        assert!(parse("t", text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn nesting_takes_no_stack() {
    let deep = "{{if 1}}".repeat(20_000) + &"{{end}}".repeat(20_000);
    assert!(parse("t", deep.as_bytes()).is_ok());
    let chain = "{{if 1}}".to_owned() + &"{{else if 1}}".repeat(20_000) + "{{end}}";
    assert!(parse("t", chain.as_bytes()).is_ok());
    let parens = format!("{{{{{}1{}}}}}", "(".repeat(65), ")".repeat(65));
    assert_eq!(refused(&parens), "parentheses nested deeper than 64");
}
