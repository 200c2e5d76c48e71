//! `--pool`: how each channel of a (C, H, W) activation is pooled.

use crate::text::spelling::spelling;
use clap::ValueEnum;
use std::fmt;
use std::str::FromStr;

/// `avg`, `max`, `avg:2`, `max:7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    pub kind: Pooling,
    /// Height and width of what is left of a channel. `None`: one number.
    pub side: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooling {
    #[value(name = "avg")]
    Average,
    #[value(name = "max")]
    Maximum,
}

/// More than any activation has.
const MOST: u32 = 1 << 16;

impl fmt::Display for Pool {
    /// As the options and `run.toml` call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelling(self.kind))?;
        self.side.map_or(Ok(()), |side| write!(f, ":{side}"))
    }
}

impl FromStr for Pool {
    type Err = String;

    /// `avg`, `max`, `avg:2`, `max:7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, side) = match text.split_once(':') {
            Some((kind, side)) => (kind, Some(side)),
            None => (text, None),
        };
        let kind = Pooling::from_str(kind, false).map_err(|_| expected(text))?;
        let side = side.map(|side| match side.parse() {
            Ok(side) if (1..=MOST).contains(&side) => Ok(side),
            _ => Err(expected(text)),
        });
        Ok(Self {
            kind,
            side: side.transpose()?,
        })
    }
}

fn expected(found: &str) -> String {
    format!("expected avg, max, avg:N or max:N, with N from 1 to {MOST}; found '{found}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_reads_back() {
        for text in ["avg", "max", "avg:1", "max:7"] {
            assert_eq!(text.parse::<Pool>().unwrap().to_string(), text);
        }
        for text in [
            "", "min", "avg:", "avg:0", "avg:-1", "max:1.5", "AVG", "avg:2:2",
        ] {
            assert!(text.parse::<Pool>().is_err(), "{text}");
        }
    }
}
