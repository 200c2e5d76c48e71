//! Lists of another kind than `--list` takes, known by their first line: tables, and paths that begin elsewhere. Each is
//! refused with the command that makes a list of it, before anything is written.

use crate::sources::list::{ListHead, lines};
use crate::text::shell::quoted;
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What separates columns, and how cut(1) is told.
const SEPARATORS: [(u8, &str); 4] = [
    (b'\t', ""),
    (b',', " -d,"),
    (b';', " -d';'"),
    (b' ', " -d' '"),
];

/// # Errors
/// The list's first image is not there, and what is wrong with its line can be told.
pub fn ensure_plain(head: &ListHead, list: &Path, root: &Path) -> Result<()> {
    let first = head.first.as_path();
    let is_there = |path: &Path| root.join(path).symlink_metadata().is_ok();
    if !root.is_dir() || is_there(first) {
        return Ok(());
    }
    let filled = |(_, line): &(usize, &[u8])| !line.trim_ascii().is_empty();
    let mut filled = lines(&head.lines).enumerate().filter(filled);
    let (Some((index, line)), second) = (filled.next(), filled.next()) else {
        return Ok(());
    };
    let at = format!("'{}' line {}", list.display(), index + 1);
    let file = quoted(&list.display().to_string());
    let (shown, folder) = (first.display(), root.display());
    if first.symlink_metadata().is_ok() {
        bail!(
            "{at}: there is no '{shown}' in '{folder}', but there is one from here; paths of a list are relative to the image \
             folder: give '.' as IMAGES"
        );
    }
    let slashed = line
        .iter()
        .map(|&b| if b == b'\\' { b'/' } else { b })
        .collect::<Vec<_>>();
    if is_there(as_path(&slashed)) {
        bail!(
            "{at}: there is no '{shown}' in '{folder}', but there is '{}'; turn the slashes: tr '\\\\' / < {file} > paths.txt",
            as_path(&slashed).display()
        );
    }
    if let Some((column, cut)) = table(line, is_there) {
        let path = as_path(column).display();
        bail!(
            "{at}: expected a path, found '{shown}', of which '{path}' is one; keep that column: {cut} {file} > paths.txt"
        );
    }
    if let Some((column, cut)) = second.and_then(|(_, line)| table(line, is_there)) {
        let path = as_path(column).display();
        bail!(
            "{at}: expected a path, found '{shown}', the head of a table of which '{path}' is a path; keep that column: \
             tail -n +{} {file} | {cut} > paths.txt",
            index + 2
        );
    }
    Ok(())
}

/// The column of a line that is an image, and the command that keeps it.
fn table(line: &[u8], is_there: impl Fn(&Path) -> bool) -> Option<(&[u8], String)> {
    SEPARATORS.iter().find_map(|&(separator, option)| {
        let mut columns = line.split(|&byte| byte == separator);
        let is_image = |column: &[u8]| {
            let column = column.trim_ascii();
            let path = column
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            let path = path.unwrap_or(column);
            path.len() < line.len() && !path.is_empty() && is_there(as_path(path))
        };
        let number = columns.position(is_image)?;
        let column = line.split(|&byte| byte == separator).nth(number)?;
        Some((column, format!("cut{option} -f{}", number + 1)))
    })
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
