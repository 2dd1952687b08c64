//! What a scalar means where no field says what it should be: YAML's rules as Kubernetes' own reader applies them.
//!
//! A cluster refuses `vars: {line: yes}`, because its reader makes a boolean of `yes`. A manifest must mean the same
//! without a cluster, so what that reader would turn into something else is told from text here.

/// The meaning of an unquoted scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    /// `yes`, `off`, `y`, …: a boolean to YAML 1.1 only.
    OldBool,
    Integer(i64),
    /// Fits no i64, has an exponent, a point, a radix or a leading zero: numeric, but not a count of anything.
    Number,
    Text,
}

/// What an unquoted scalar means.
pub(super) fn meaning(plain: &str) -> Meaning {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" | "True" | "TRUE" => Meaning::Bool(true),
        "false" | "False" | "FALSE" => Meaning::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off"
        | "Off" | "OFF" => Meaning::OldBool,
        _ => number(plain),
    }
}

fn number(plain: &str) -> Meaning {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return Meaning::Number;
    }
    let radix = unsigned.strip_prefix("0x").map(|digits| (digits, 16)).or_else(|| {
        let octal = unsigned.strip_prefix("0o").map(|digits| (digits, 8));
        octal.or_else(|| unsigned.strip_prefix("0b").map(|digits| (digits, 2)))
    });
    if let Some((digits, radix)) = radix {
        let numeric = !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(radix));
        return if numeric { Meaning::Number } else { Meaning::Text };
    }
    if unsigned.is_empty() || !unsigned.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
        return Meaning::Text;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) && (unsigned == "0" || !unsigned.starts_with('0')) {
        return plain.strip_prefix('+').unwrap_or(plain).parse().map_or(Meaning::Number, Meaning::Integer);
    }
    // Underscores between digits are YAML 1.1's; the rest is what a float looks like everywhere.
    let bare: String = unsigned.chars().filter(|c| *c != '_').collect();
    let looks_like_a_float =
        bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if looks_like_a_float && bare.parse::<f64>().is_ok() { Meaning::Number } else { Meaning::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoted_scalars_mean_what_kubernetes_makes_of_them() {
        let table = [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("null", Meaning::Null),
            ("nUll", Meaning::Text),
            ("true", Meaning::Bool(true)),
            ("FALSE", Meaning::Bool(false)),
            ("tRue", Meaning::Text),
            ("yes", Meaning::OldBool),
            ("off", Meaning::OldBool),
            ("y", Meaning::OldBool),
            ("0", Meaning::Integer(0)),
            ("-7", Meaning::Integer(-7)),
            ("+7", Meaning::Integer(7)),
            ("9223372036854775807", Meaning::Integer(i64::MAX)),
            ("9223372036854775808", Meaning::Number),
            ("1.10", Meaning::Number),
            (".5", Meaning::Number),
            ("1.", Meaning::Number),
            ("1e3", Meaning::Number),
            ("1234567e10", Meaning::Number),
            ("1_000", Meaning::Number),
            ("007", Meaning::Number),
            ("0x1F", Meaning::Number),
            ("0o17", Meaning::Number),
            ("0b10", Meaning::Number),
            (".inf", Meaning::Number),
            ("-.INF", Meaning::Number),
            (".nan", Meaning::Number),
            ("0x", Meaning::Text),
            ("v1.2", Meaning::Text),
            ("1.2.3", Meaning::Text),
            ("60s", Meaning::Text),
            ("25%", Meaning::Text),
            (".", Meaning::Text),
            ("-", Meaning::Text),
            ("12:30:45", Meaning::Text),
            ("2024-01-31", Meaning::Text),
            ("inf", Meaning::Text),
            ("infinity", Meaning::Text),
            ("nan", Meaning::Text),
        ];
        for (plain, expected) in table {
            assert_eq!(meaning(plain), expected, "{plain}");
        }
    }
}
