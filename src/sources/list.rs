//! `--list`: which images and in what order, from a file.

use crate::sources::list_mistakes::ensure_plain;
use crate::sources::names::FileNames;
use crate::sources::quoting::unquoted;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, stdin};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a list may name files outside the image folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    Refused,
    Allowed,
}

/// Reads a list: a path a line, relative to `root` or with its absolute path in front. The order is kept and a path may
/// come again; blank lines are nothing; lines may end as on Windows, the file may begin with a byte order mark, and names
/// may be quoted as in `file_names.txt`. `-` is the standard input. Whether the files exist is not looked at, but for the
/// first, whose absence tells of a list of another kind.
///
/// # Errors
/// The list cannot be read, names no image, is a table or relative to another folder, or (unless `outside` allows it) has
/// a path that leads out of `root`: the line is named.
pub fn read_list(list: &Path, root: &Path, outside: Outside) -> Result<FileNames> {
    let bytes =
        bytes_of(list).with_context(|| format!("cannot read the list '{}'", list.display()))?;
    let names = parse_list(&bytes, list, root, outside)?;
    ensure_plain(&bytes, names.get(0), list, root)?;
    Ok(names)
}

/// The names in a list of more than a folder's images, as [`read_list`] reads them.
///
/// # Errors
/// As there.
pub fn read_names(list: &Path, root: &Path) -> Result<FileNames> {
    let bytes =
        bytes_of(list).with_context(|| format!("cannot read the list '{}'", list.display()))?;
    parse_list(&bytes, list, root, Outside::Refused)
}

/// The bytes of a list. What can be read once alone, a pipe, is kept: shards ask for their list more than once.
fn bytes_of(list: &Path) -> std::io::Result<Vec<u8>> {
    static PIPES: Mutex<Option<HashMap<PathBuf, Vec<u8>>>> = Mutex::new(None);
    let is_stdin = list == Path::new("-");
    if !is_stdin && fs::metadata(list)?.is_file() {
        return fs::read(list);
    }
    let mut pipes = PIPES.lock().unwrap_or_else(PoisonError::into_inner);
    let pipes = pipes.get_or_insert_default();
    if let Some(bytes) = pipes.get(list) {
        return Ok(bytes.clone());
    }
    let mut bytes = Vec::new();
    match is_stdin {
        true => stdin().lock().read_to_end(&mut bytes)?,
        false => fs::File::open(list)?.read_to_end(&mut bytes)?,
    };
    pipes.insert(list.to_owned(), bytes.clone());
    Ok(bytes)
}

/// As [`read_list`], of the file's bytes.
///
/// # Errors
/// As there, but for what concerns the file system.
pub fn parse_list(bytes: &[u8], list: &Path, root: &Path, outside: Outside) -> Result<FileNames> {
    let mut names = FileNames::default();
    let folders = absolute(root);
    for (index, line) in lines(bytes).enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let name = unquoted(line);
        let path = Path::new(OsStr::from_bytes(&name));
        let inside = folders.iter().find_map(|root| path.strip_prefix(root).ok());
        let path = match outside {
            Outside::Refused => inside.unwrap_or(path),
            Outside::Allowed => path,
        };
        check(path, root, outside)
            .with_context(|| format!("'{}' line {}", list.display(), index + 1))?;
        names.push(path);
    }
    ensure!(
        !names.is_empty(),
        "the list '{}' names no image; expected one path a line",
        list.display()
    );
    Ok(names)
}

/// The lines of a list, without their ends.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(bytes)
        .split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The absolute paths of a folder: as it is written, and with links resolved.
fn absolute(root: &Path) -> Vec<PathBuf> {
    [std::path::absolute(root).ok(), root.canonicalize().ok()]
        .into_iter()
        .flatten()
        .collect()
}

fn check(path: &Path, root: &Path, outside: Outside) -> Result<()> {
    if path.as_os_str().as_bytes().contains(&0) {
        bail!("expected a path, found a zero byte; the list must be plain text");
    }
    if path.as_os_str().as_bytes().contains(&b'\n') {
        bail!(
            "expected a path, found one with a line break in it, which file_names.txt cannot have"
        );
    }
    if path.as_os_str().is_empty() {
        bail!("expected a path, found the image folder itself");
    }
    if path.as_os_str().as_bytes().starts_with(BYTE_ORDER_MARK) {
        bail!("expected a path, found one that begins with a byte order mark; remove it");
    }
    if path.as_os_str().as_bytes().ends_with(b"\r") {
        bail!(
            "expected a path, found one that ends in a carriage return; end lines in \\n or \\r\\n"
        );
    }
    match outside {
        Outside::Allowed => Ok(()),
        Outside::Refused => ensure_inside(path, root),
    }
}

/// # Errors
/// A path that is absolute, or leaves `root` through `..`.
pub fn ensure_inside(path: &Path, root: &Path) -> Result<()> {
    ensure!(
        stays_inside(path),
        "'{}' is not inside '{}'; paths are relative to the image folder",
        path.display(),
        root.display()
    );
    Ok(())
}

/// Whether no step of the path is above where it begins.
pub(super) fn stays_inside(path: &Path) -> bool {
    let mut depth = 0usize;
    path.components().all(|step| match step {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => {
            let inside = depth > 0;
            depth = depth.saturating_sub(1);
            inside
        }
        Component::RootDir | Component::Prefix(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzz target: `file_names.txt` could not have said such names.
    #[test]
    fn names_that_would_not_read_back_are_refused() {
        let parse = |text: &[u8]| {
            let (list, root) = (Path::new("list.txt"), Path::new("images"));
            parse_list(text, list, root, Outside::Refused)
        };
        assert!(parse(b"a.jpg\r\n").is_ok());
        assert!(parse(b"a.jpg\r\r\n").is_err());
        assert!(parse(b"\xef\xbb\xbfa.jpg\n").is_ok());
        assert!(parse(b"\xef\xbb\xbf\xef\xbb\xbfa.jpg\n").is_err());
    }

    #[test]
    fn paths_that_leave_are_seen() {
        for (path, inside) in [
            ("a.jpg", true),
            ("a/../b.jpg", true),
            ("./a.jpg", true),
            ("../a.jpg", false),
            ("a/../../b.jpg", false),
            ("/a.jpg", false),
            ("a/../../images/b.jpg", false),
        ] {
            assert_eq!(stays_inside(Path::new(path)), inside, "{path}");
        }
    }
}
