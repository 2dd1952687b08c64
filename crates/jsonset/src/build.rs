//! The JSON that a path makes where the document has nothing yet, in sjson's formatting: without white space.

use crate::path::Key;
use crate::value::push_string;

/// How many `null`s one path may fill in: more than any list that people keep by hand, and little memory.
const MAX_NULLS: i64 = 65_536;

/// The object or array that all of `keys` make. Fails with the number of nulls that is too much.
pub(crate) fn container(keys: &[Key], value: &[u8]) -> Result<Vec<u8>, i64> {
    let index = keys.first().and_then(|key| key.new_index);
    let inner = member(keys, value, index.is_none(), index.unwrap_or_default())?;
    let brackets = if index.is_some() { [b"[", b"]"] } else { [b"{", b"}"] };
    Ok([brackets[0], &inner[..], brackets[1]].concat())
}

/// The member or element that the first of `keys` makes, after `nulls` nulls, with all that the others make in it.
pub(crate) fn member(keys: &[Key], value: &[u8], in_object: bool, nulls: i64) -> Result<Vec<u8>, i64> {
    let mut made = Vec::new();
    let mut left = MAX_NULLS;
    pad(nulls, &mut left, &mut made)?;
    let mut closing = Vec::new();
    let mut in_object = in_object;
    for (at, key) in keys.iter().enumerate() {
        if in_object {
            push_string(key.name.as_bytes(), &mut made);
            made.push(b':');
        }
        let Some(next) = keys.get(at + 1) else { break };
        in_object = next.new_index.is_none() && !next.appends;
        made.push(if in_object { b'{' } else { b'[' });
        closing.push(if in_object { b'}' } else { b']' });
        pad(next.new_index.unwrap_or_default(), &mut left, &mut made)?;
    }
    made.extend_from_slice(value);
    made.extend(closing.iter().rev());
    Ok(made)
}

fn pad(nulls: i64, left: &mut i64, made: &mut Vec<u8>) -> Result<(), i64> {
    *left = left.saturating_sub(nulls.max(0));
    if *left < 0 {
        return Err(nulls);
    }
    for _ in 0..nulls {
        made.extend_from_slice(b"null,");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path;

    fn made(path: &str) -> Result<String, i64> {
        container(&path::parse(path).expect(path), b"9").map(|made| String::from_utf8(made).expect("UTF-8"))
    }

    #[test]
    fn numbers_make_arrays_and_all_else_objects() {
        for (path, expected) in [
            ("a.b", "{\"a\":{\"b\":9}}"),
            ("a.1.b", "{\"a\":[null,{\"b\":9}]}"),
            ("0.-1", "[[9]]"),
            ("-1.0", "{\"-1\":[9]}"),
            (":0.:1", "{\"0\":{\"1\":9}}"),
            ("a.", "{\"a\":[9]}"),
        ] {
            assert_eq!(made(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn all_nulls_of_a_path_count_together() {
        assert!(made("65536").is_ok());
        assert_eq!(made("65537"), Err(65_537));
        assert_eq!(made("a.40000.40000"), Err(40_000));
    }
}
