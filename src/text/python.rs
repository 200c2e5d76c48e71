//! Python in commands that are to be pasted.

use crate::text::shell;
use std::fmt::Write;

/// A command that runs a script of one line.
#[must_use]
pub fn command(script: &str) -> String {
    format!("python -c {}", shell::quoted(script))
}

/// A text as Python writes it, in double quotes.
/// Source: "String and Bytes literals" in Python's language reference.
#[must_use]
pub fn text(text: &str) -> String {
    let mut literal = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(literal, "\\U{:08x}", u32::from(character)); // a String takes everything
            }
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_pythons() {
        assert_eq!(text("it's"), r#""it's""#);
        assert_eq!(text("a\\b\"c\n"), r#""a\\b\"c\U0000000a""#);
        assert_eq!(text("e\u{301}"), "\"e\u{301}\"");
        assert_eq!(command("print('a')"), r"python -c 'print('\''a'\'')'");
    }
}
