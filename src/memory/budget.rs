//! The RAM budget: a promise that peak RSS stays below it.

use crate::memory::limits::{allowed, within_address_space};
use std::str::FromStr;

/// The budget without `--ram-budget` is at most this, bytes.
const DEFAULT_MOST: u64 = 8_000_000_000;

/// A budget as it is typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RamBudget {
    Bytes(u64),
    /// This percentage of what the job may use.
    Percent(f64),
}

impl RamBudget {
    /// Bytes; without a budget, the smaller of 8 GB and 80 % of what the job may use. Never more than the limit on
    /// address space leaves.
    #[must_use]
    pub fn resolve(budget: Option<Self>) -> u64 {
        let bytes = match budget {
            Some(Self::Bytes(bytes)) => bytes,
            Some(Self::Percent(percent)) => (allowed() as f64 * percent / 100.0) as u64,
            None => (allowed() / 10 * 8).min(DEFAULT_MOST),
        };
        bytes.min(within_address_space().unwrap_or(u64::MAX))
    }
}

impl FromStr for RamBudget {
    type Err = String;

    /// `8GB`, `8 GiB`, `500MB`, `50%`, or bytes.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| expected(text))?;
        let scale = match unit.trim().to_ascii_lowercase().as_str() {
            "%" if number > 0.0 && number <= 100.0 => return Ok(Self::Percent(number)),
            "" | "b" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1024f64.powi(2),
            "gib" => 1024f64.powi(3),
            "tib" => 1024f64.powi(4),
            _ => return Err(expected(text)),
        };
        Ok(Self::Bytes((number * scale) as u64))
    }
}

fn expected(found: &str) -> String {
    format!("expected a size like 8GB, 8GiB or 500MB, or a share like 50%; found '{found}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shares() {
        let parsed = |text: &str| text.parse::<RamBudget>();
        assert_eq!(parsed("8GB"), Ok(RamBudget::Bytes(8_000_000_000)));
        assert_eq!(parsed("1.5 GiB"), Ok(RamBudget::Bytes(1_610_612_736)));
        assert_eq!(parsed("400mb"), Ok(RamBudget::Bytes(400_000_000)));
        assert_eq!(parsed("123"), Ok(RamBudget::Bytes(123)));
        assert_eq!(parsed("50%"), Ok(RamBudget::Percent(50.0)));
        for wrong in ["", "GB", "-1GB", "8GX", "0%", "120%"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
