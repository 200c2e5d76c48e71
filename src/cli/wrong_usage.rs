//! A command line that makes no sense.

use anyhow::Error;

/// The command line cannot be meant as it is; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// The error that says so.
pub fn wrong_usage(text: impl Into<String>) -> Error {
    WrongUsage(text.into()).into()
}
