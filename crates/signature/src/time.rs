//! Dates, as `allowed_signers` spells them and as messages show them. Seconds since 1970, UTC.

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, each with or without `Z`. OpenSSH takes those without in the
/// zone of the machine; a sidecar has none, so both are UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z').or_else(|| text.strip_suffix('z')).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let part =
        |from: usize, len: usize| digits.get(from..from + len).map_or(Some(0), |text| text.parse().ok());
    let (year, month, day): (i64, i64, i64) = (part(0, 4)?, part(4, 2)?, part(6, 2)?);
    let (hour, minute, second): (i64, i64, i64) = (part(8, 2)?, part(10, 2)?, part(12, 2)?);
    let in_bounds = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    in_bounds.then(|| days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// `2026-03-01 12:00 UTC`.
pub(crate) fn show(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years begin in March, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_openssh_are_read() {
        assert_eq!(parse("19700101"), Some(0));
        assert_eq!(parse("20240229"), Some(1_709_164_800));
        assert_eq!(parse("202402291234Z"), Some(1_709_210_040));
        assert_eq!(parse("20240229123456"), Some(1_709_210_096));
        for wrong in ["", "2024", "20230229", "20241301", "202401012500", "2024-01-01", "2024010112345Z"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_a_century_comes_back() {
        for day in 0..40_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days_since_1970(year, month, of_month), day);
        }
        assert_eq!(show(1_709_210_096), "2024-02-29 12:34 UTC");
    }
}
