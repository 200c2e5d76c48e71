//! Tar archives, as webdataset and img2dataset write their shards. Images are read where they lie.

use crate::images::{ImageError, ensure_readable};
use crate::sources::members::Members;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tar::{Archive, Entry, EntryType};

/// Members begin at multiples of it.
const BLOCK: u64 = 512;

#[derive(Debug)]
pub struct Tar {
    path: PathBuf,
    stamp: Stamp,
}

impl Tar {
    /// # Errors
    /// The file cannot be looked at.
    pub fn new(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            stamp: Stamp::of(path)?,
        })
    }
}

impl Source for Tar {
    fn list(&self) -> Result<Listing> {
        list(&self.path)
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        let file = File::open(&self.path)?;
        Ok(Box::new(TarReader { file }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }
}

struct TarReader {
    file: File,
}

impl Reader for TarReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let (offset, size) = unpack(item.at);
        ensure_readable(size)?;
        into.resize(size as usize, 0);
        self.file.read_exact_at(into, offset)?;
        Ok(Item::Encoded)
    }
}

/// Block and size of a member in one number. A size that is too large for it is too large for an image.
fn pack(offset: u64, size: u64) -> Option<u64> {
    let block = u32::try_from(offset / BLOCK).ok()?;
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    Some(u64::from(block) << 32 | u64::from(size))
}

/// Where a member begins, and its size, bytes.
fn unpack(at: u64) -> (u64, u64) {
    ((at >> 32) * BLOCK, at & u64::from(u32::MAX))
}

/// # Errors
/// An archive that is damaged or cut short: its last whole member is named.
fn list(path: &Path) -> Result<Listing> {
    let named = || format!("cannot read '{}'", path.display());
    let file = File::open(path).with_context(named)?;
    let length = file.metadata().with_context(named)?.len();
    let mut archive = Archive::new(file);
    let mut members = Members::of(path);
    let mut last = None;
    let mut end = 0;
    for entry in archive.entries_with_seek().with_context(named)? {
        let mut entry = entry.with_context(|| damaged(path, last.as_deref()))?;
        let name = entry.path_bytes().into_owned();
        end = entry.raw_file_position() + data_bytes(&entry).next_multiple_of(BLOCK);
        ensure_whole(&mut entry, &name, path)?;
        let reaches = entry.raw_file_position() + data_bytes(&entry);
        ensure!(
            reaches <= length,
            "'{}' is truncated: it has {length} bytes, and its member '{}' ends at byte {reaches}; {}; make or download it \
             again",
            path.display(),
            String::from_utf8_lossy(&name),
            last_whole(last.as_deref())
        );
        add(&mut members, &mut entry, &name, path)?;
        last = Some(name);
    }
    // Two blocks of zeros say that no member is missing.
    if length < end + BLOCK && last.is_some() {
        let note = format!(
            "'{}' has no end mark, as if its writing was interrupted; {}",
            path.display(),
            last_whole(last.as_deref())
        );
        members.note(note);
    }
    members.finish()
}

/// # Errors
/// A sparse file, whose holes are not in the archive.
fn ensure_whole<R: std::io::Read>(entry: &mut Entry<R>, name: &[u8], path: &Path) -> Result<()> {
    let kind = entry.header().entry_type();
    ensure!(
        !is_sparse(entry, kind)?,
        "the member '{}' of '{}' is a sparse file, which cannot be read where it lies; make the archive again without \
         --sparse",
        String::from_utf8_lossy(name),
        path.display()
    );
    Ok(())
}

/// Links have a size that no data follows.
fn data_bytes<R: std::io::Read>(entry: &Entry<R>) -> u64 {
    let kind = entry.header().entry_type();
    match kind.is_hard_link() || kind.is_symlink() || kind.is_dir() {
        true => 0,
        false => entry.size(),
    }
}

fn add<R: std::io::Read>(
    members: &mut Members,
    entry: &mut Entry<R>,
    name: &[u8],
    path: &Path,
) -> Result<()> {
    let kind = entry.header().entry_type();
    match kind {
        EntryType::Link => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            members.add_link(name, &target)
        }
        EntryType::Regular | EntryType::Continuous => {
            let Some(at) = pack(entry.raw_file_position(), entry.size()) else {
                bail!(
                    "'{}' is larger than 2 TiB; split it into several archives",
                    path.display()
                );
            };
            members.add(name, at).map(drop)
        }
        EntryType::Directory | EntryType::XGlobalHeader => Ok(()),
        _ => {
            members.leave_out(name);
            Ok(())
        }
    }
}

fn is_sparse<R: std::io::Read>(entry: &mut Entry<R>, kind: EntryType) -> Result<bool> {
    if kind.is_gnu_sparse() {
        return Ok(true);
    }
    let Some(extensions) = entry.pax_extensions()? else {
        return Ok(false);
    };
    let mut keys = extensions.filter_map(Result::ok);
    Ok(keys.any(|extension| extension.key_bytes().starts_with(b"GNU.sparse.")))
}

fn damaged(path: &Path, last: Option<&[u8]>) -> String {
    format!(
        "'{}' is damaged; {}; make or download it again",
        path.display(),
        last_whole(last)
    )
}

fn last_whole(last: Option<&[u8]>) -> String {
    match last {
        Some(name) => format!(
            "its last whole member is '{}'",
            String::from_utf8_lossy(name)
        ),
        None => "no member of it is whole".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        for (offset, size) in [(0, 0), (512, 1), (512 << 31, u64::from(u32::MAX))] {
            assert_eq!(pack(offset, size).map(unpack), Some((offset, size)));
        }
        assert_eq!(pack(512 << 32, 1), None);
        assert_eq!(
            pack(512, 1 << 40).map(unpack),
            Some((512, u64::from(u32::MAX)))
        );
    }
}
