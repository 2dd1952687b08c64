use super::*;
use crate::error::{PathProblem, SyntaxProblem};
use crate::value::parse_value;

fn patches(set: &[(&str, &str)]) -> Patches {
    Patches::new(set.iter().map(|(path, value)| (*path, parse_value(value))).collect())
        .expect("paths that can be set")
}

fn patched(document: &str, path: &str, value: &str) -> String {
    let output = patches(&[(path, value)]).apply_to_bytes(document.as_bytes());
    String::from_utf8(output.unwrap_or_else(|error| panic!("{document} {path}: {error}"))).expect("UTF-8")
}

fn refused(document: &[u8], path: &str) -> Error {
    patches(&[(path, "1")]).apply_to_bytes(document).expect_err("must be refused")
}

#[test]
fn a_value_that_is_there_is_replaced_and_nothing_else_moves() {
    for (document, path, expected) in [
        ("{ \"a\" : 1.50e1 , \"b\":[ 1 ,2 ] }\n", "a", "{ \"a\" : 9 , \"b\":[ 1 ,2 ] }\n"),
        ("\n{\"b\":{\"c\" : \"x\"}}", "b.c", "\n{\"b\":{\"c\" : 9}}"),
        ("[1, {\"a\":[2,3]}]", "1.a.0", "[1, {\"a\":[9,3]}]"),
        ("{\"a\":1,\"a\":2}", "a", "{\"a\":9,\"a\":2}"),
        ("{\"a\\u0062\":1}", "ab", "{\"a\\u0062\":9}"),
        ("{\"a.b\":1}", "a\\.b", "{\"a.b\":9}"),
        ("{\"1\":1}", "1", "{\"1\":9}"),
        ("{\"a\":{\"b\":[1]}}", "a", "{\"a\":9}"),
        ("[1,2]", ":1", "[1,9]"),
    ] {
        assert_eq!(patched(document, path, "9"), expected, "{document} {path}");
    }
}

#[test]
fn new_keys_appear_where_sjson_puts_them() {
    for (document, path, expected) in [
        ("{\"a\": 1\n}\n", "b", "{\"a\": 1\n,\"b\":9}"),
        (" {\"a\": {\n}} \n", "a.b", " {\"a\": {\n\"b\":9}} \n"),
        ("{}", "a.0.b", "{\"a\":[{\"b\":9}]}"),
        ("{}", "a.2", "{\"a\":[null,null,9]}"),
        ("{}", "a.-1", "{\"a\":[9]}"),
        ("{}", "a.:1", "{\"a\":{\"1\":9}}"),
        ("{\"a\":null}", "a.b", "{\"a\":{\"b\":9}}"),
        ("{\"a\":\"x\"}", "a.1", "{\"a\":[null,9]}"),
        (" 5 ", "a", "{\"a\":9}"),
    ] {
        assert_eq!(patched(document, path, "9"), expected, "{document} {path}");
    }
}

#[test]
fn arrays_grow_as_in_sjson() {
    for (document, path, expected) in [
        (" [ 1 , 2 ] ", "-1", "[ 1 , 2 ,9]"),
        ("{\"a\":[ ]}", "a.-1", "{\"a\":[ 9]}"),
        ("{\"a\": [ 1 , [ 2 ] ] }\n", "a.3", "{\"a\": [1,[ 2 ],null,9] }\n"),
        ("\n[ ]\n", "1.x", "[null,{\"x\":9}]"),
        ("[1]", "1", "[1,9]"),
    ] {
        assert_eq!(patched(document, path, "9"), expected, "{document} {path}");
    }
}

#[test]
fn several_paths_apply_in_byte_order() {
    let set =
        patches(&[("b", "2"), ("a.x", "1"), ("a", "{}"), ("list.-1", "3"), ("list.1", "4"), ("list.2", "5")]);
    let output = set.apply_to_bytes(b"{\"list\": [ 0 ]}").expect("patched");
    assert_eq!(String::from_utf8_lossy(&output), "{\"list\": [0,4,5],\"a\":{\"x\":1},\"b\":2}");
}

#[test]
fn an_outcome_tells_whether_a_byte_moved() {
    let outcome = |document: &str, value: &str| {
        patches(&[("a", value)]).apply(&mut Cursor::new(document), &mut io::sink()).expect("patched")
    };
    assert_eq!(outcome("{\"a\": 1.50}", "1.50"), Outcome::Unchanged);
    assert_eq!(outcome("{\"a\": 1.50}", "1.5"), Outcome::Changed);
    assert_eq!(outcome("{\"a\": 1.5}", "1.50"), Outcome::Changed);
    assert_eq!(outcome("{\"b\": 1}", "1"), Outcome::Changed);
}

#[test]
fn a_document_that_is_not_json_is_refused_with_its_place_and_nothing_is_written() {
    let mut output = Vec::new();
    let error = patches(&[("a", "1")])
        .apply(&mut Cursor::new("{\"é\": 1,\n  \"é\" 2}"), &mut output)
        .expect_err("no colon");
    assert_eq!(error.to_string(), "line 2, column 7: expected \":\" after the key");
    assert!(output.is_empty());
    for (document, place, problem) in [
        (&b"\xef\xbb\xbf{}"[..], (1, 1), SyntaxProblem::ByteOrderMark),
        (b"{} x", (1, 4), SyntaxProblem::TrailingData),
        (b"", (1, 1), SyntaxProblem::UnexpectedEnd),
        (b"[1,\n2", (2, 2), SyntaxProblem::UnexpectedEnd),
    ] {
        match refused(document, "a") {
            Error::Syntax { line, column, problem: found } => {
                assert_eq!(((line, column), found), (place, problem));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn invalid_json_is_reported_before_a_path_that_does_not_fit() {
    assert!(matches!(refused(b"[1] x", "a"), Error::Syntax { .. }));
}

#[test]
fn a_path_that_does_not_fit_is_refused() {
    assert_eq!(
        refused(b"{\"list\":[1]}", "list.x").to_string(),
        "path \"list.x\": \"x\" names an element of an array; use an index, or -1 to append"
    );
    assert!(matches!(refused(b"[]", "99999999"), Error::IndexTooFar { nulls: 99_999_999, .. }));
    // sjson fills up for ever here: its count of what is missing wraps around.
    assert!(matches!(refused(b"[1,2]", "9223372036854775808"), Error::IndexTooFar { .. }));
    assert!(matches!(refused(b"{}", "a.99999999"), Error::IndexTooFar { .. }));
    assert!(matches!(refused(b"{\"a\":1}", "a.99999999.b"), Error::IndexTooFar { .. }));
    assert_eq!(
        refused(b"{\"path\":\"[default]Motor\"}", "path.0").to_string(),
        "path \"path.0\": \"0\" leads into a string with a \"[\" in it; set the whole value instead"
    );
    let query = Patches::new(BTreeMap::from([("a.#.b", parse_value("1"))])).expect_err("query");
    assert!(matches!(query, Error::Path { problem: PathProblem::Query('#'), .. }));
}

/// Reads a byte at a time, as a document would look at the worst chunk boundaries.
struct Dribble<'a>(Cursor<&'a [u8]>);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

impl Seek for Dribble<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn chunk_boundaries_make_no_difference() {
    let document = "  {\"a\\\"b\": [ 1 , \"x]\" , {\"é\\u0041\": -1.5e3} ], \"n\" : null }  ";
    for path in ["a\"b.2.éA", "a\"b.5", "a\"b.-1", "n", "n.x.1", "new", "a\"b.1"] {
        let set = patches(&[(path, "[ \"v\" ]")]);
        let whole = set.apply_to_bytes(document.as_bytes()).expect(path);
        let mut dribbled = Vec::new();
        set.apply(&mut Dribble(Cursor::new(document.as_bytes())), &mut dribbled).expect(path);
        assert_eq!(String::from_utf8_lossy(&dribbled), String::from_utf8_lossy(&whole), "{path}");
    }
}
