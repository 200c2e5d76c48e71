//! `--list`: which images and in what order, from a file.

use crate::sources::list_mistakes::ensure_plain;
use crate::sources::names::FileNames;
use crate::sources::quoting::unquoted;
use crate::text::figures;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor, Read, stdin};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at a time: few requests to a file server.
const CHUNK: usize = 1 << 20;

/// Names that are given at once, at least where there are more.
pub(super) const SOME: usize = 1 << 16;

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
    let mut names = FileNames::default();
    read_some(list, root, outside, &mut |some| {
        names.append(some);
        Ok(())
    })?;
    Ok(names)
}

/// As [`read_list`]: `take` is given the names, some at a time.
///
/// # Errors
/// As there, and what `take` fails with.
pub fn read_some(
    list: &Path,
    root: &Path,
    outside: Outside,
    take: &mut dyn FnMut(FileNames) -> Result<()>,
) -> Result<()> {
    let mut names = FileNames::default();
    let mut first = None;
    let head = each_name(&mut open(list)?, list, root, outside, |name| {
        first.get_or_insert_with(|| name.to_owned());
        names.push(name);
        match names.len() {
            SOME => take(std::mem::take(&mut names)),
            _ => Ok(()),
        }
    })?;
    if let Some(first) = first {
        ensure_plain(&head, &first, list, root)?;
    }
    take(names)
}

/// The names in a list of more than a folder's images, as [`read_list`] reads them.
///
/// # Errors
/// As there.
pub fn read_names(list: &Path, root: &Path) -> Result<FileNames> {
    let mut names = FileNames::default();
    each_name(&mut open(list)?, list, root, Outside::Refused, |name| {
        names.push(name);
        Ok(())
    })?;
    Ok(names)
}

/// SHA-256 of the names that [`read_names`] gives, a name a line, none of which is kept: a list may be longer than memory.
///
/// # Errors
/// As there.
pub fn digest_of_names(list: &Path, root: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    each_name(&mut open(list)?, list, root, Outside::Refused, |name| {
        digest.update(name.as_os_str().as_bytes());
        digest.update(b"\n");
        Ok(())
    })?;
    Ok(figures::hex(&digest.finalize()))
}

/// As [`read_list`], of the file's bytes.
///
/// # Errors
/// As there, but for what concerns the file system.
pub fn parse_list(bytes: &[u8], list: &Path, root: &Path, outside: Outside) -> Result<FileNames> {
    let mut names = FileNames::default();
    each_name(&mut &*bytes, list, root, outside, |name| {
        names.push(name);
        Ok(())
    })?;
    Ok(names)
}

/// What can be read once alone, a pipe, is kept: shards ask for their list more than once.
fn open(list: &Path) -> Result<Box<dyn BufRead>> {
    static PIPES: Mutex<Option<HashMap<PathBuf, Arc<[u8]>>>> = Mutex::new(None);
    let named = || cannot_read(list);
    let is_stdin = list == Path::new("-");
    if !is_stdin && fs::metadata(list).with_context(named)?.is_file() {
        let file = File::open(list).with_context(named)?;
        return Ok(Box::new(BufReader::with_capacity(CHUNK, file)));
    }
    let mut pipes = PIPES.lock().unwrap_or_else(PoisonError::into_inner);
    let pipes = pipes.get_or_insert_default();
    if let Some(bytes) = pipes.get(list) {
        return Ok(Box::new(Cursor::new(bytes.clone())));
    }
    let mut bytes = Vec::new();
    match is_stdin {
        true => stdin().lock().read_to_end(&mut bytes),
        false => File::open(list).and_then(|mut pipe| pipe.read_to_end(&mut bytes)),
    }
    .with_context(named)?;
    let bytes: Arc<[u8]> = bytes.into();
    pipes.insert(list.to_owned(), bytes.clone());
    Ok(Box::new(Cursor::new(bytes)))
}

fn cannot_read(list: &Path) -> String {
    format!("cannot read the list '{}'", list.display())
}

/// Gives `take` each name, and returns the list's first lines, up to the second that is not blank.
fn each_name(
    from: &mut dyn BufRead,
    list: &Path,
    root: &Path,
    outside: Outside,
    mut take: impl FnMut(&Path) -> Result<()>,
) -> Result<Vec<u8>> {
    let folders = absolute(root);
    let (mut head, mut line) = (Vec::new(), Vec::new());
    let (mut number, mut count) = (0_u64, 0_u64);
    while {
        line.clear();
        let read = from.read_until(b'\n', &mut line);
        read.with_context(|| cannot_read(list))? > 0
    } {
        number += 1;
        if count < 2 {
            head.extend_from_slice(&line);
        }
        let line = match number {
            1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line),
            _ => &line,
        };
        let line = without_end(line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        count += 1;
        let name = unquoted(line);
        let path = Path::new(OsStr::from_bytes(&name));
        let inside = folders.iter().find_map(|root| path.strip_prefix(root).ok());
        let path = match outside {
            Outside::Refused => inside.unwrap_or(path),
            Outside::Allowed => path,
        };
        check(path, root, outside)
            .with_context(|| format!("'{}' line {number}", list.display()))?;
        take(path)?;
    }
    ensure!(
        count > 0,
        "the list '{}' names no image; expected one path a line",
        list.display()
    );
    Ok(head)
}

/// A line as it was read, without what ends it.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
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
