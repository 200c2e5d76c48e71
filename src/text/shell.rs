//! Paths and names in commands that are to be pasted.

use std::ffi::OsString;
use std::path::Path;

/// A path as one word of a shell's: in quotes where it needs them.
#[must_use]
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    let quoted = quoted(&text);
    match text.starts_with('-') {
        true => format!("./{quoted}"),
        false => quoted,
    }
}

/// A name that is no path, as one word of a shell's: in quotes where it needs them.
#[must_use]
pub fn name(text: &str) -> String {
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// What featx was started with, to be pasted.
#[must_use]
pub fn command(arguments: impl Iterator<Item = OsString>) -> String {
    let words = arguments.map(|argument| {
        let text = argument.to_string_lossy().into_owned();
        match text.starts_with('-') {
            true if text.chars().all(is_plain) => text,
            true => quoted(&text),
            false => word(Path::new(&argument)),
        }
    });
    std::iter::once("featx".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A text as one word of a shell's, in quotes whatever it is.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_./-+=@%:,".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for (path, expected) in [
            ("models/vgg16.pt", "models/vgg16.pt"),
            ("my models/ä.pt", "'my models/ä.pt'"),
            ("it's.pt", r"'it'\''s.pt'"),
            ("-x.pt", "./'-x.pt'"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
        }
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
