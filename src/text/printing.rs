//! What goes to stdout: results that somebody may pipe into a program or a full disk.

use anyhow::{Context, Result};
use std::io::{ErrorKind, Write, stdout};

/// Prints `text` as it is. A reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// Output that cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}
