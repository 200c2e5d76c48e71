//! What the C++ side says: strings, and messages of errors.

use anyhow::{Result, anyhow};
use std::ffi::{CStr, c_char};

unsafe extern "C" {
    fn featx_free_message(message: *mut c_char);
}

/// Copies a string that the C++ side keeps.
pub fn text(raw: *const c_char) -> String {
    // SAFETY: the string ends in NUL, and lives as long as the module or dict that the caller has it from.
    unsafe { CStr::from_ptr(raw) }
        .to_string_lossy()
        .into_owned()
}

/// Takes a string that the C++ side made by `strdup`, and frees it.
pub fn owned_text(raw: *mut c_char) -> String {
    let words = text(raw);
    // SAFETY: the string came from the C++ side's strdup and is freed once.
    unsafe { featx_free_message(raw) };
    words
}

/// Null is success; a message is libtorch's own, its first lines only.
pub fn check(message: *mut c_char) -> Result<()> {
    if message.is_null() {
        return Ok(());
    }
    Err(anyhow!("{}", innermost(&owned_text(message))))
}

/// A TorchScript error is a traceback of many lines; what went wrong is in its last ones (`RuntimeError: ...`).
fn innermost(message: &str) -> String {
    let line = message
        .lines()
        .rev()
        .find(|line| line.contains("Error: "))
        .or_else(|| message.lines().find(|line| !line.trim().is_empty()));
    without_classes(line.unwrap_or("libtorch gave no reason").trim()).to_owned()
}

/// `RuntimeError: AssertionError: wrong height` without the names of the Python classes.
fn without_classes(line: &str) -> &str {
    match line.split_once(": ") {
        Some((class, rest)) if class.ends_with("Error") && !class.contains(' ') => {
            without_classes(rest)
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::innermost;

    #[test]
    fn the_useful_line_of_a_traceback_is_kept() {
        let traceback = "The following operation failed in the TorchScript interpreter.\n\
            Traceback of TorchScript, serialized code (most recent call last):\n  File \"x.py\", line 5\n\
            RuntimeError: AssertionError: Wrong image height: Error: no\n";
        assert_eq!(innermost(traceback), "Wrong image height: Error: no");
        assert_eq!(
            innermost("Input type (float) and bias type\nmore"),
            "Input type (float) and bias type"
        );
        assert_eq!(innermost(""), "libtorch gave no reason");
    }
}
