//! Finds the end of a value in a stream of valid JSON.

/// One value that is being passed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skip {
    kind: Kind,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An array, an object, or a string: it ends with a byte of its own.
    Delimited,
    /// A number, `true`, `false` or `null`: it ends before a byte that is not its own.
    Bare,
}

impl Skip {
    /// A value whose first byte is `first`; that byte is still to be fed.
    pub(crate) fn new(first: u8) -> Self {
        let kind = if matches!(first, b'{' | b'[' | b'"') { Kind::Delimited } else { Kind::Bare };
        Self { kind, depth: 0, in_string: false, escaped: false }
    }

    /// How many bytes of `input` belong to the value, and whether it ended with or before the last of them.
    pub(crate) fn advance(&mut self, input: &[u8]) -> (usize, bool) {
        match self.kind {
            Kind::Bare => match input.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | 0..=b' ')) {
                Some(end) => (end, true),
                None => (input.len(), false),
            },
            Kind::Delimited => self.advance_delimited(input),
        }
    }

    fn advance_delimited(&mut self, input: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < input.len() {
            if self.in_string {
                at += self.advance_string(&input[at..]);
                if !self.in_string && self.depth == 0 {
                    return (at, true);
                }
                continue;
            }
            let Some(next) =
                input[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))
            else {
                return (input.len(), false);
            };
            at += next;
            match input[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                _ => self.depth = self.depth.saturating_sub(1),
            }
            at += 1;
            if self.depth == 0 && !self.in_string {
                return (at, true);
            }
        }
        (at, false)
    }

    /// Reads on in a string, past its closing quote if that is in `input`.
    fn advance_string(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        if self.escaped {
            self.escaped = false;
            at = 1;
        }
        while let Some(next) =
            input.get(at..).and_then(|rest| rest.iter().position(|byte| matches!(byte, b'"' | b'\\')))
        {
            at += next + 1;
            if input[at - 1] == b'"' {
                self.in_string = false;
                return at;
            }
            if at == input.len() {
                self.escaped = true;
                return at;
            }
            at += 1;
        }
        input.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends_however_it_is_cut() {
        for (value, rest) in [
            ("1.5e3", ","),
            ("true", "]"),
            ("null", " "),
            ("\"a\\\"b\\\\\"", "\"x\""),
            ("\"\\\\\"", "]"),
            ("[1,\"]\",[{}],{\"}\":\"\\\"}\"}]", "]"),
            ("{}", "}"),
        ] {
            let input = format!("{value}{rest}");
            for piece in 1..=input.len() {
                let mut skip = Skip::new(input.as_bytes()[0]);
                let mut length = 0;
                for piece in input.as_bytes().chunks(piece) {
                    let (taken, ended) = skip.advance(piece);
                    length += taken;
                    if ended {
                        break;
                    }
                }
                assert_eq!(length, value.len(), "{input} in pieces of {piece}");
            }
        }
    }
}
