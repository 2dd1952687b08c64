//! The names of the built-in functions, and how many arguments they take.

/// A built-in function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    UrlQuery,
}

/// Names in order, with the fewest arguments and, where there is such a bound, the most.
const FUNCTIONS: [(&str, Function, usize, Option<usize>); 19] = [
    ("and", Function::And, 1, None),
    ("call", Function::Call, 1, None),
    ("eq", Function::Eq, 1, None),
    ("ge", Function::Ge, 2, Some(2)),
    ("gt", Function::Gt, 2, Some(2)),
    ("html", Function::Html, 0, None),
    ("index", Function::Index, 1, None),
    ("js", Function::Js, 0, None),
    ("le", Function::Le, 2, Some(2)),
    ("len", Function::Len, 1, Some(1)),
    ("lt", Function::Lt, 2, Some(2)),
    ("ne", Function::Ne, 2, Some(2)),
    ("not", Function::Not, 1, Some(1)),
    ("or", Function::Or, 1, None),
    ("print", Function::Print, 0, None),
    ("printf", Function::Printf, 1, None),
    ("println", Function::Println, 0, None),
    ("slice", Function::Slice, 1, None),
    ("urlquery", Function::UrlQuery, 0, None),
];

impl Function {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let at = FUNCTIONS.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
        Some(FUNCTIONS[at].1)
    }

    pub(crate) fn name(self) -> &'static str {
        FUNCTIONS[self as usize].0
    }

    /// What is wrong with a number of arguments, if anything.
    pub(crate) fn check_arguments(self, given: usize) -> Result<(), String> {
        let (name, _, fewest, most) = FUNCTIONS[self as usize];
        let wanted = match most {
            _ if given < fewest => format!("at least {fewest}"),
            Some(most) if given > most => most.to_string(),
            _ => return Ok(()),
        };
        Err(format!("wrong number of arguments for {name}: want {wanted}, got {given}"))
    }
}

/// The names, for a message about one that does not exist.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, ..)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_of_names_and_of_variants() {
        for (at, (name, function, ..)) in FUNCTIONS.iter().enumerate() {
            assert_eq!(*function as usize, at, "{name}");
            assert_eq!(Function::named(name), Some(*function));
            assert_eq!(function.name(), *name);
        }
        assert_eq!(Function::named("include"), None);
    }
}
