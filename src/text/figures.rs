//! How numbers are written for people: one place, so that every message agrees.

use std::time::Duration;

/// Bytes in decimal units: `999 B`, `1.0 kB`, `34.5 GB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would print as 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Bytes of what was made smaller: `16.4 kB instead of 12.8 MB (784.0 times less)`.
#[must_use]
pub fn reduced(n: u64, from: Option<u64>) -> String {
    match from {
        Some(from) if n > 0 => {
            let times = from as f64 / n as f64;
            format!(
                "{} instead of {} ({times:.1} times less)",
                bytes(n),
                bytes(from)
            )
        }
        _ => bytes(n),
    }
}

/// A count in groups of three: `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 part`, `2 parts`, `2 batches`.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    let plural = match noun {
        _ if n == 1 => "",
        _ if noun.ends_with("ch") || noun.ends_with('s') || noun.ends_with('x') => "es",
        _ => "s",
    };
    format!("{} {noun}{plural}", count(n))
}

/// A length of time: `0.4s`, `42s`, `3m07s`, `2h05m`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    if tenths < 100 {
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// Reads a length of time: `300`, `300s`, `5m`, `1h`, `1h30m`.
///
/// # Errors
/// What was expected, and what was found.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a time like 5m, 300s or 1h30m; found '{text}'");
    let mut seconds = 0u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| expected())?;
        let unit = rest[digits..].chars().next();
        let scale = match unit {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some(_) => return Err(expected()),
        };
        seconds = number
            .checked_mul(scale)
            .and_then(|n| n.checked_add(seconds))
            .ok_or_else(expected)?;
        rest = &rest[digits + unit.map_or(0, char::len_utf8)..];
    }
    if seconds == 0 {
        Err(expected())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

/// `71 %`, of a share of 1.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Bytes in hexadecimal, as checksums are written: `00ff`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lengths of a row's axes: `(512, 7, 7)`, `(4096)`, `()`.
#[must_use]
pub fn row_shape(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({})", lengths.join(", "))
}

/// `'a', 'b', 'c' and 4 more`
#[must_use]
pub fn some(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(3)
        .map(|name| format!("'{}'", name.as_ref()))
        .collect();
    match names.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        let sizes = [0, 999, 1000, 999_949, 999_950, 34_500_000_000, u64::MAX];
        let texts = [
            "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "34.5 GB", "18.4 EB",
        ];
        assert_eq!(sizes.map(bytes), texts);
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(counted(1, "part"), "1 part");
        assert_eq!(
            [1, 2].map(|n| counted(n, "batch")),
            ["1 batch", "2 batches"]
        );
        let reduced = [Some(12_845_056), None].map(|from| reduced(16_384, from));
        assert_eq!(
            reduced,
            ["16.4 kB instead of 12.8 MB (784.0 times less)", "16.4 kB"]
        );
        let times = [420, 9_999, 10_000, 42_000, 187_000, 7_500_000]
            .map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(times, ["0.4s", "9.9s", "10s", "42s", "3m07s", "2h05m"]);
        assert_eq!(row_shape(&[512, 7, 7]), "(512, 7, 7)");
    }
}
