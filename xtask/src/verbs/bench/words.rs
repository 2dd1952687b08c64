//! Figures as people read them: three digits at most.

/// `0.4 ms`, `12 ms`, `3.46 s`.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        ..0.01 => format!("{:.1} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// Decimal, for what is sent and stored: `412 B`, `8.1 kB`, `203 MB`.
pub(super) fn megabytes(bytes: u64) -> String {
    let scaled = |unit: f64| {
        let value = bytes as f64 / unit;
        if value < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") }
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", scaled(1e3)),
        _ => format!("{} MB", scaled(1e6)),
    }
}

/// Binary, for memory: `4.86 MiB`.
pub(super) fn mebibytes(bytes: u64) -> String {
    let value = bytes as f64 / (1024.0 * 1024.0);
    if value < 99.995 { format!("{value:.2} MiB") } else { format!("{value:.0} MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_few_digits() {
        assert_eq!([0.000_42, 0.0124, 0.999, 3.456].map(time), ["0.4 ms", "12 ms", "999 ms", "3.46 s"]);
        assert_eq!([0, 999, 8_060, 202_999_999].map(megabytes), ["0 B", "999 B", "8.1 kB", "203 MB"]);
        assert_eq!([5_094_400, 269_000_000].map(mebibytes), ["4.86 MiB", "257 MiB"]);
    }
}
