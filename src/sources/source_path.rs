//! What IMAGES say: braces and globs that the shell left alone, and what comes after a colon.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// More would be a mistake in a range.
const MOST: usize = 1_000_000;

/// A path, and the dataset or column that is meant inside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePath {
    pub path: PathBuf,
    pub inside: Option<String>,
}

/// The paths that one argument means, in order. A path that exists is itself, whatever characters it has; one that is
/// nothing else is taken for a folder that does not exist.
///
/// # Errors
/// A range or glob that no file follows, or some file of a range is missing.
pub fn expand(typed: &Path) -> Result<Vec<SourcePath>> {
    let whole = |path: PathBuf| SourcePath { path, inside: None };
    let Some(text) = typed.to_str().filter(|_| !typed.exists()) else {
        return Ok(vec![whole(typed.to_owned())]);
    };
    let colons = text.match_indices(':').rev();
    for (at, _) in colons {
        let (path, inside) = (&text[..at], &text[at + 1..]);
        let is_meant = Path::new(path).is_file() || has_pattern(path);
        if is_meant && !path.is_empty() && !inside.is_empty() {
            let meant = |path: PathBuf| SourcePath {
                path,
                inside: Some(inside.to_owned()),
            };
            return Ok(files(path)?.into_iter().map(meant).collect());
        }
    }
    match has_pattern(text) {
        true => Ok(files(text)?.into_iter().map(whole).collect()),
        false => Ok(vec![whole(typed.to_owned())]),
    }
}

fn has_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[']) || braces(text).is_some()
}

fn files(text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in expand_braces(text)? {
        if Path::new(&path).exists() {
            found.push(path.into());
            continue;
        }
        ensure!(
            path.contains(['*', '?', '[']),
            "there is no '{path}', which '{text}' names"
        );
        let matched = glob::glob(&path).with_context(|| format!("'{path}' is not a valid glob"))?;
        let before = found.len();
        for path in matched {
            found.push(path.with_context(|| format!("'{text}'"))?);
        }
        ensure!(
            found.len() > before,
            "no file matches '{path}'; expected images, or archives of them"
        );
    }
    Ok(found)
}

/// Start, alternatives and end of the first braces that hold alternatives.
fn braces(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('{')?;
    let close = open + text[open..].find('}')?;
    let inside = &text[open + 1..close];
    (inside.contains(',') || inside.contains(".."))
        .then(|| (&text[..open], inside, &text[close + 1..]))
}

/// As bash expands them: `{a,b}`, and `{00000..00099}`, whose numbers keep their width.
fn expand_braces(text: &str) -> Result<Vec<String>> {
    let Some((start, inside, end)) = braces(text) else {
        return Ok(vec![text.to_owned()]);
    };
    let middles = match inside.split_once("..") {
        Some((first, last)) => range(first, last, text)?,
        None => inside.split(',').map(str::to_owned).collect(),
    };
    let ends = expand_braces(end)?;
    ensure!(
        middles.len() * ends.len() <= MOST,
        "'{text}' names more than {MOST} files"
    );
    let all = |middle: &String| {
        let with_end = |end: &String| format!("{start}{middle}{end}");
        ends.iter().map(with_end).collect::<Vec<_>>()
    };
    Ok(middles.iter().flat_map(all).collect())
}

fn range(first: &str, last: &str, text: &str) -> Result<Vec<String>> {
    let (Ok(from), Ok(to)) = (first.parse::<u64>(), last.parse::<u64>()) else {
        bail!("'{text}' has no range of numbers in its braces, such as {{00000..00099}}");
    };
    ensure!(
        from <= to && to - from < MOST as u64,
        "'{text}' has a range that does not go up, or names more than {MOST} files"
    );
    let width = if first.starts_with('0') || last.starts_with('0') {
        first.len().max(last.len())
    } else {
        0
    };
    Ok((from..=to).map(|n| format!("{n:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_as_bash_has_them() {
        let all = |text| expand_braces(text).unwrap().join(" ");
        assert_eq!(all("a{08..11}.tar"), "a08.tar a09.tar a10.tar a11.tar");
        assert_eq!(all("{9..11}"), "9 10 11");
        assert_eq!(all("{a,b}{1..2}"), "a1 a2 b1 b2");
        assert_eq!(all("a{b}c"), "a{b}c");
        assert_eq!(all("plain"), "plain");
        for wrong in ["{a..c}", "{3..1}", "{0..99999999}", "{1..x}"] {
            assert!(expand_braces(wrong).is_err(), "{wrong}");
        }
    }
}
