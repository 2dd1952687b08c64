use crate::{Error, Limits, Map, Struct, Template, Value};

fn data() -> Value {
    Value::Struct(Struct::new(
        "main.Context",
        [
            ("Name", Value::from("gw")),
            ("Ordinal", Value::Int(2)),
            ("Vars", Value::Map(Map::of_strings([("site", "north"), ("area", "7")]))),
            (
                "Any",
                Value::Map(Map::of_values([
                    ("list", Value::List(vec![Value::Int(1), Value::from("b"), Value::Nil])),
                    ("nil", Value::Nil),
                ])),
            ),
        ],
    ))
}

fn render_within(text: &str, limits: Limits) -> Result<String, Error> {
    let mut output = Vec::new();
    Template::parse("t", text.as_bytes())?.render(&data(), &limits, &mut output)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn render(text: &str) -> String {
    render_within(text, Limits::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    render_within(text, Limits::default()).expect_err(text).to_string()
}

#[test]
fn structures_do_what_they_do_in_go() {
    for (text, expected) in [
        ("a{{if .Vars}}b{{else}}c{{end}}d", "abd"),
        ("{{if false}}1{{else if eq .Ordinal 2}}2{{else}}3{{end}}", "2"),
        ("{{with .Vars.site}}{{.}}{{else}}no{{end}}", "north"),
        ("{{with \"\"}}{{.}}{{else with .Name}}{{.}}!{{end}}", "gw!"),
        ("{{range .Any.list}}<{{.}}>{{end}}", "<1><b><<no value>>"),
        ("{{range $k, $v := .Vars}}{{$k}}={{$v}};{{end}}", "area=7;site=north;"),
        ("{{range $i := 3}}{{$i}}{{end}}{{range -1}}x{{else}}none{{end}}", "012none"),
        ("{{range 9}}{{if eq . 2}}{{continue}}{{end}}{{if gt . 4}}{{break}}{{end}}{{.}}{{end}}", "0134"),
        ("{{range 2}}{{range 2}}{{if .}}{{break}}{{end}}{{.}}{{end}}|{{end}}", "0|0|"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{end}}{{$x}}", "2"),
        ("{{$i := 0}}{{range $i, $v := .Any.list}}{{end}}{{$i}}", "0"),
        ("{{$v := 9}}{{range $v = 3}}{{end}}{{$v}}", "2"),
        (
            "{{define \"a\"}}[{{.}}{{$}}]{{end}}{{template \"a\" .Name}}{{template \"a\"}}",
            "[gwgw][<no value><no value>]",
        ),
        ("{{block \"b\" .Name}}{{.}}{{end}}{{template \"b\" 1}}", "gw1"),
        ("{{range 2}}{{$x := .}}{{end}}{{with $y := .Name}}{{$y}}{{end}}", "gw"),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn a_missing_name_is_reported_with_the_names_there_are() {
    for (text, message) in [
        ("a\n  {{ .Vars.sitee }}", "t:2:6: .Vars.sitee: no such key; known: area, site"),
        ("é{{.name}}", "t:1:4: .name: no such field; known: Any, Name, Ordinal, Vars"),
        ("{{.Name.x}}", "t:1:3: .Name.x: a string has no fields"),
        ("{{.Any.nil.x}}", "t:1:3: .Any.nil.x: nothing has a field x: what stands before it is nil"),
        ("{{$.Vars.x}}", "t:1:3: $.Vars.x: no such key; known: area, site"),
        ("{{(index .Any \"list\").x}}", "t:1:3: (…).x: a list has no fields"),
        ("{{template \"x\"}}", "t:1:12: template \"x\" is not defined; known: t"),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn a_template_cannot_exhaust_its_host() {
    let tight = Limits { bytes: 1000, steps: 1000, depth: 10 };
    let roomy = Limits { steps: 100_000, ..tight };
    for (text, message) in [
        ("{{range 9999999999}}{{end}}", "more than 1000 steps"),
        ("{{range 500}}abc{{end}}", "more than 1000 bytes"),
        ("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}", "more than 10 deep"),
        ("{{$x := \"aaaaaaaaaa\"}}{{range 100}}{{$x = print $x $x}}{{end}}", "more than 1000 bytes"),
        ("{{printf \"%999999d\" 1}}", "more than 1000 bytes"),
        (
            &*format!("{}{}", "{{if 1}}".repeat(17_000), "{{end}}".repeat(17_000)),
            "structures or variables are open",
        ),
        (&*"{{$x := 1}}".repeat(17_000), "structures or variables are open"),
        ("{{$x := printf \"%0999d\" 1}}{{html $x}}", "more than 1000 bytes"),
    ] {
        let limits = if text.len() > 1000 { roomy } else { tight };
        let error = render_within(text, limits).expect_err(message);
        assert!(matches!(error, Error::Limit(_)), "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    let deep = Limits { depth: 100_000, steps: 100_000_000, ..Limits::default() };
    let text = "{{define \"a\"}}{{if .}}{{with slice . 1}}{{template \"a\" .}}{{end}}{{end}}{{end}}{{template \"a\" (printf \"%05000d\" 0)}}";
    assert_eq!(render_within(text, deep).expect("5000 calls deep"), "");
}

#[test]
fn the_deepest_template_fits_a_small_stack() {
    // Unoptimized code needs five times as much.
    let stack = if cfg!(debug_assertions) { 384 } else { 64 };
    let deep = format!("{{{{{}1{}}}}}", "(print ".repeat(64), ")".repeat(64));
    let thread = std::thread::Builder::new().stack_size(stack * 1024).spawn(move || render(&deep));
    assert_eq!(thread.expect("a thread").join().expect("no overflow"), "1");
}
