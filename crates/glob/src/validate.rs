//! What makes a pattern malformed, and what makes it too expensive.

use thiserror::Error as ThisError;

/// Alternatives a pattern may expand to. `{a,b}` has two, `{a,b}{c,d}` four: a match tries them one by one, so that
/// without a bound a pattern of 60 characters could keep a program busy for hours.
const MAX_ALTERNATIVES: u64 = 1_000;
/// Brace groups a pattern may hold: each costs one level of recursion.
const MAX_GROUPS: usize = 64;

/// A pattern that cannot be compiled: which, where and why.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("glob {pattern:?}, character {character}: {problem}")]
pub struct Error {
    /// The pattern as it was written.
    pub pattern: String,
    /// The character, counted from 1, at which the faulty construct begins.
    pub character: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Problem {
    /// `[abc`
    #[error("this \"[\" has no closing \"]\" (write \"\\[\" for the character itself)")]
    UnclosedClass,
    /// `[]` or `[^]`; there is no way to list `]` but `\]`.
    #[error("this class is empty (write \"\\]\" for a \"]\" in it)")]
    EmptyClass,
    /// `{a,b`
    #[error("this \"{{\" has no closing \"}}\" (write \"\\{{\" for the character itself)")]
    UnclosedBrace,
    /// `a}`
    #[error("this \"}}\" closes nothing (write \"\\}}\" for the character itself)")]
    UnopenedBrace,
    /// `a\`
    #[error("this \"\\\" has nothing to escape")]
    DanglingEscape,
    /// More than 1,000 combinations of alternatives, or more than 64 groups.
    #[error("the alternatives of this pattern multiply to more than 1000, or there are more than 64 groups")]
    TooManyAlternatives,
}

/// Checks a whole pattern from left to right.
pub(crate) fn check(pattern: &str) -> Result<(), Error> {
    match find_problem(pattern.as_bytes()) {
        None => Ok(()),
        Some((at, problem)) => {
            let character =
                pattern.as_bytes()[..at].iter().filter(|byte| !is_continuation(**byte)).count() + 1;
            Err(Error { pattern: pattern.to_owned(), character, problem })
        }
    }
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// An open brace group: where it began, the alternatives counted so far, and those of the alternative in hand.
struct Group {
    at: usize,
    finished: u64,
    current: u64,
}

fn find_problem(pattern: &[u8]) -> Option<(usize, Problem)> {
    let mut open: Vec<Group> = Vec::new();
    let mut groups = 0;
    let mut outer = 1_u64;
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' => {
                if at + 1 == pattern.len() {
                    return Some((at, Problem::DanglingEscape));
                }
                at += 1;
            }
            b'[' => match class_end(pattern, at) {
                Ok(end) => at = end,
                Err(problem) => return Some((at, problem)),
            },
            b'{' => {
                groups += 1;
                open.push(Group { at, finished: 0, current: 1 });
            }
            b',' => {
                if let Some(group) = open.last_mut() {
                    group.finished = group.finished.saturating_add(group.current);
                    group.current = 1;
                }
            }
            b'}' => {
                let Some(group) = open.pop() else { return Some((at, Problem::UnopenedBrace)) };
                let all = group.finished.saturating_add(group.current);
                let around = open.last_mut().map_or(&mut outer, |group| &mut group.current);
                *around = around.saturating_mul(all);
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(group) = open.last() {
        return Some((group.at, Problem::UnclosedBrace));
    }
    (outer > MAX_ALTERNATIVES || groups > MAX_GROUPS).then_some((0, Problem::TooManyAlternatives))
}

/// The place of the `]` that closes the class which opens at `start`.
fn class_end(pattern: &[u8], start: usize) -> Result<usize, Problem> {
    let mut at = start + 1;
    if matches!(pattern.get(at), Some(b'^' | b'!')) {
        at += 1;
    }
    if pattern.get(at) == Some(&b']') {
        return Err(Problem::EmptyClass);
    }
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' => at += 2,
            b']' => return Ok(at),
            _ => at += 1,
        }
    }
    Err(Problem::UnclosedClass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_pattern_is_refused_with_its_place() {
        let cases = [
            ("[]a]", 1, Problem::EmptyClass),
            ("a[^]", 2, Problem::EmptyClass),
            ("[!]x]", 1, Problem::EmptyClass),
            ("[", 1, Problem::UnclosedClass),
            ("日本[a", 3, Problem::UnclosedClass),
            ("[a\\]", 1, Problem::UnclosedClass),
            ("a\\", 2, Problem::DanglingEscape),
            ("{a,b", 1, Problem::UnclosedBrace),
            ("{a,{b,c}", 1, Problem::UnclosedBrace),
            ("{a,[}", 4, Problem::UnclosedClass),
            ("a}", 2, Problem::UnopenedBrace),
            ("{a}}", 4, Problem::UnopenedBrace),
        ];
        for (pattern, character, problem) in cases {
            let error = check(pattern).expect_err(pattern);
            assert_eq!((error.character, error.problem), (character, problem), "{pattern}");
        }
    }

    #[test]
    fn what_looks_odd_but_is_well_formed_is_accepted() {
        for pattern in [
            "", "]", "a]", "[a-]", "[-a]", "[\\]]", "\\[", "{}", "{,}", "{[}]}", "[{]", "a,b", "\\}", "***",
            "[^^]",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn alternatives_that_would_take_hours_are_refused() {
        let ok = "{a,b}".repeat(9);
        assert_eq!(check(&ok), Ok(()));
        let too_many = "{a,b}".repeat(40);
        assert_eq!(check(&too_many).expect_err("2^40").problem, Problem::TooManyAlternatives);
        let nested = "{a,".repeat(100) + &"}".repeat(100);
        assert_eq!(check(&nested).expect_err("100 groups").problem, Problem::TooManyAlternatives);
    }

    #[test]
    fn the_message_names_the_pattern_the_place_and_the_way_out() {
        let error = check("**/[a").expect_err("unclosed");
        assert_eq!(
            error.to_string(),
            r#"glob "**/[a", character 4: this "[" has no closing "]" (write "\[" for the character itself)"#
        );
    }
}
