//! Paths in commands that are to be pasted.

use std::path::Path;

/// A path as one word of a shell's: in quotes where it needs them.
#[must_use]
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_./-+=@%:,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    match text.starts_with('-') {
        true => format!("./{quoted}"),
        false => quoted,
    }
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
    }
}
