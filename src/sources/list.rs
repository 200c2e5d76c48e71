//! `--list`: which images and in what order, from a file.

use crate::sources::file_names::FileNames;
use crate::sources::quoting::{is_blank, unquoted};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, stdin};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at a time: few requests to a file server.
const CHUNK: usize = 1 << 20;

/// Names that are given at a time; the last time may give fewer.
pub(super) const SOME: usize = 1 << 16;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a list begins. A list of another kind is recognised by it.
pub(super) struct ListHead {
    /// Its first two lines that are not blank, and the blank ones before and between them.
    pub lines: Vec<u8>,
    /// Its first image.
    pub first: PathBuf,
}

/// Reads a list: a path a line, relative to `root` or with its absolute path in front. The order is kept and a path may
/// come again; blank lines are skipped; lines may end as on Windows, the file may begin with a byte order mark, and names
/// may be quoted as in `file_names.txt`. `-` is the standard input. Nobody looks whether the files exist. `take` is given
/// the names, some at a time.
///
/// # Errors
/// The list cannot be read, names no image, or has a path that leads out of `root`: the line is named. What `take` fails
/// with.
pub(super) fn read_list(
    list: &Path,
    root: &Path,
    take: &mut dyn FnMut(FileNames) -> Result<()>,
) -> Result<ListHead> {
    read_from(&mut open(list)?, list, root, take)
}

/// As `--list`, of the file's bytes.
///
/// # Errors
/// A list that names no image, or has a path that leads out of `root`.
pub fn parse_list(bytes: &[u8], list: &Path, root: &Path) -> Result<FileNames> {
    let mut names = FileNames::default();
    read_from(&mut &*bytes, list, root, &mut |some| {
        names.append(some);
        Ok(())
    })?;
    Ok(names)
}

/// Whether a list is a file, which can be read more than once: not the standard input, nor another pipe.
pub fn is_file(list: &Path) -> bool {
    list != Path::new("-") && list.is_file()
}

/// A pipe can be read only once, so its bytes are kept: shards ask for their list more than once.
fn open(list: &Path) -> Result<Box<dyn BufRead>> {
    static PIPES: Mutex<Option<HashMap<PathBuf, Arc<[u8]>>>> = Mutex::new(None);
    let named = || cannot_read(list);
    if is_file(list) {
        let file = File::open(list).with_context(named)?;
        return Ok(Box::new(BufReader::with_capacity(CHUNK, file)));
    }
    let mut pipes = PIPES.lock().unwrap_or_else(PoisonError::into_inner);
    let pipes = pipes.get_or_insert_default();
    if let Some(bytes) = pipes.get(list) {
        return Ok(Box::new(Cursor::new(bytes.clone())));
    }
    let mut bytes = Vec::new();
    match list == Path::new("-") {
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

fn read_from(
    from: &mut dyn BufRead,
    list: &Path,
    root: &Path,
    take: &mut dyn FnMut(FileNames) -> Result<()>,
) -> Result<ListHead> {
    let folders = absolute(root);
    let (mut names, mut count) = (FileNames::default(), 0_u64);
    let (mut lines, mut first) = (Vec::new(), PathBuf::new());
    let (mut line, mut number) = (Vec::new(), 0_u64);
    while {
        line.clear();
        let read = from.read_until(b'\n', &mut line);
        read.with_context(|| cannot_read(list))? > 0
    } {
        number += 1;
        if count < 2 {
            lines.extend_from_slice(&line);
        }
        let line = match number {
            1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line),
            _ => &line,
        };
        let line = without_end(line);
        if is_blank(line) {
            continue;
        }
        let name = unquoted(line);
        let path = Path::new(OsStr::from_bytes(&name));
        let inside = folders.iter().find_map(|root| path.strip_prefix(root).ok());
        let path = inside.unwrap_or(path);
        check(path, root).with_context(|| format!("'{}' line {number}", list.display()))?;
        if count == 0 {
            path.clone_into(&mut first);
        }
        count += 1;
        names.push(path);
        if names.len() == SOME {
            take(mem::take(&mut names))?;
        }
    }
    ensure!(
        count > 0,
        "the list '{}' names no image; expected one path a line",
        list.display()
    );
    take(names)?;
    Ok(ListHead { lines, first })
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
        .map(without_end)
}

/// The absolute paths of a folder: as it is written, and with links resolved.
fn absolute(root: &Path) -> Vec<PathBuf> {
    [std::path::absolute(root).ok(), root.canonicalize().ok()]
        .into_iter()
        .flatten()
        .collect()
}

fn check(path: &Path, root: &Path) -> Result<()> {
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
    ensure_inside(path, root)
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

/// Whether the path never leads above the folder where it begins.
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
            parse_list(text, list, root)
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
