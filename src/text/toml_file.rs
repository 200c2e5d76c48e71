//! TOML files that people write: what is wrong with one, on one line.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads the text of the file `path`.
///
/// # Errors
/// `'vgg16.toml' line 3: unknown field ...`.
pub fn parse<T: DeserializeOwned>(text: &str, path: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(String::new(), |before| {
            format!(" line {}", before.matches('\n').count() + 1)
        });
        let what: Vec<&str> = error.message().lines().map(str::trim).collect();
        anyhow!("'{path}'{line}: {}", what.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_error_names_file_and_line() {
        let error = parse::<toml::Table>("a = 1\nb = \n", "x.toml").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("'x.toml' line 2: "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
