//! What the user reads: results on stdout, which somebody may pipe into a program or a full disk, and messages on
//! stderr, which may go nowhere.

use anyhow::{Context, Error, Result};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};

/// Prints `text` as it is, but for [`visible`]. A reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// Output that cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = stdout().lock();
    let written = stdout
        .write_all(visible(text).as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// A line on stderr. Where nobody can read it (a closed pipe, a full disk under a job's log), the work goes on.
pub fn say(line: impl Display) {
    let line = line.to_string() + "\n";
    let _ = stderr().lock().write_all(visible(&line).as_bytes());
}

/// Text in which a name can neither command the terminal nor overwrite its line: control characters are escaped, but
/// for line breaks and tabs.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| match acts(c) {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    });
    Cow::Owned(escaped.collect())
}

/// Text in one line: what a library says of a damaged file may quote it, line breaks and all.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// An error in [`one_line`].
#[must_use]
pub fn in_one_line(error: Error) -> Error {
    let text = format!("{error:#}");
    match text.contains('\n') {
        true => Error::msg(one_line(&text)),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_would_command_a_terminal_is_escaped() {
        assert_eq!(visible("ä\tb\n"), "ä\tb\n");
        assert_eq!(
            visible("a\r\u{1b}[31mb\u{9b}c\n"),
            "a\\r\\u{1b}[31mb\\u{9b}c\n"
        );
    }
}
