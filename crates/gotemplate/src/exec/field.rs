//! Fields of structs and keys of maps.

use crate::datum::Datum;
use crate::error::Failure;

/// Names in a message: as many as help, no more than a line or two.
const MAX_LISTED: usize = 20;
/// Characters of a name in a message.
const MAX_NAME: usize = 60;

/// Follows `.a.b` from a value. `written` is how the value is spelled: nothing for the dot, `$x`, `(…)`.
pub(super) fn follow<'a>(
    at: usize,
    written: &str,
    from: Datum<'a>,
    fields: &[Box<str>],
) -> Result<Datum<'a>, Failure> {
    let mut value = from;
    for (depth, name) in fields.iter().enumerate() {
        value = match look_up(&value, name) {
            Ok(found) => found,
            Err(reason) => {
                let path: String = fields[..=depth].iter().flat_map(|name| [".", name]).collect();
                return Err(Failure::render(at, format!("{written}{path}: {reason}")));
            }
        };
    }
    Ok(value)
}

/// Whether the last of the fields is an element of a `map[string]any`.
pub(super) fn is_boxed(at: usize, from: Datum<'_>, fields: &[Box<str>]) -> Result<bool, Failure> {
    let Some((_, above)) = fields.split_last() else { return Ok(false) };
    Ok(matches!(follow(at, "", from, above)?, Datum::Map(map) if !map.is_of_strings()))
}

fn look_up<'a>(value: &Datum<'a>, name: &str) -> Result<Datum<'a>, String> {
    match value {
        Datum::Map(map) => map.get(name).map(Datum::of).ok_or_else(|| {
            let known = listed(map.entries().iter().map(|(key, _)| key.as_str()));
            format!("no such key; known: {known}")
        }),
        Datum::Struct(fields) => fields.get(name).map(Datum::of).ok_or_else(|| {
            let mut names: Vec<_> = fields.fields().iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            format!("no such field; known: {}", listed(names.into_iter()))
        }),
        Datum::Nil => Err(format!("nothing has a field {name}: what stands before it is nil")),
        other => Err(format!("{} has no fields", other.kind_name())),
    }
}

/// `a, b and 3 more`
pub(super) fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let total = names.len();
    if total == 0 {
        return "none".to_owned();
    }
    let shown: Vec<String> =
        names.take(MAX_LISTED).map(|name| name.chars().take(MAX_NAME).collect()).collect();
    let more = total - shown.len();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_names_are_cut() {
        let names: Vec<String> = (0..25).map(|number| format!("n{number}")).collect();
        let listed = listed(names.iter().map(String::as_str));
        assert!(listed.starts_with("n0, n1") && listed.ends_with("n19 and 5 more"), "{listed}");
        assert_eq!(super::listed([].into_iter()), "none");
    }
}
