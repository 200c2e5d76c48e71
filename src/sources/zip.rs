//! Zip archives: members that are stored or deflated. Images are read where they lie.

use crate::images::{ImageError, ensure_readable};
use crate::sources::members::Members;
use crate::sources::shared_handle::SharedHandle;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use crate::text::shell::quoted;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zip::CompressionMethod;
use zip::ZipArchive;
use zip::read::{ZipArchiveMetadata, ZipFileEntry, ZipReadOptions};

/// About what the crate takes for a member of the directory, bytes.
const MEMBER: u64 = 600;

#[derive(Debug)]
pub struct Zip {
    path: PathBuf,
    stamp: Stamp,
    /// The archive's directory, which all readers share, and which goes with the last of them.
    directory: SharedHandle<Directory>,
    /// The number of members, once the directory was read.
    members: AtomicU64,
}

#[derive(Debug)]
struct Directory(Arc<ZipArchiveMetadata>);

impl Zip {
    /// # Errors
    /// The file cannot be looked at.
    pub fn new(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            stamp: Stamp::of(path)?,
            directory: SharedHandle::new(),
            members: AtomicU64::new(0),
        })
    }

    /// # Errors
    /// An archive that is damaged or cut short.
    fn directory(&self) -> io::Result<Arc<Directory>> {
        self.directory.get(|| {
            let archive = ZipArchive::new(File::open(&self.path)?)?;
            self.members.store(archive.len() as u64, Ordering::Relaxed);
            Ok(Directory(archive.metadata()))
        })
    }

    fn add(&self, members: &mut Members, at: u64, entry: &ZipFileEntry) -> Result<()> {
        if entry.is_dir() {
            return Ok(());
        }
        if entry.is_symlink() {
            members.leave_out(entry.name_raw());
            return Ok(());
        }
        if !members.add(entry.name_raw(), at)? {
            return Ok(());
        }
        let (member, archive) = (
            String::from_utf8_lossy(entry.name_raw()),
            self.path.display(),
        );
        ensure!(
            !entry.encrypted(),
            "the member '{member}' of '{archive}' is encrypted; unpack the archive with its password into a folder"
        );
        let method = entry.compression();
        ensure!(
            matches!(
                method,
                CompressionMethod::Stored | CompressionMethod::Deflated
            ),
            "the member '{member}' of '{archive}' is compressed by a method that is not read ({method}); expected stored or \
             deflated: unpack the archive, and make it again with zip -0"
        );
        Ok(())
    }
}

impl Source for Zip {
    fn list(&self) -> Result<Listing> {
        let path = self.path.display();
        let directory = self.directory().with_context(|| {
            format!("'{path}' is damaged or cut short; make or download it again")
        })?;
        ensure!(
            !directory.0.has_duplicate_names(),
            "'{path}' holds two members of one name, so that rows could not be told apart; make the archive again with one \
             (see: unzip -l {})",
            quoted(&path.to_string())
        );
        let mut members = Members::of(&self.path);
        for at in 0..directory.0.len() {
            self.add(&mut members, at as u64, &directory.0.entry(at)?)?;
        }
        members.finish()
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        Ok(Box::new(ZipReader {
            directory: self.directory()?,
            file: File::open(&self.path)?,
        }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }

    fn buffers(&self, _readers: u64) -> u64 {
        self.members.load(Ordering::Relaxed) * MEMBER
    }
}

struct ZipReader {
    directory: Arc<Directory>,
    file: File,
}

impl Reader for ZipReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let entry = self
            .directory
            .0
            .entry(item.at as usize)
            .map_err(io::Error::from)?;
        let size = entry.size();
        ensure_readable(size)?;
        let mut member = entry
            .with_reader(&mut self.file, ZipReadOptions::new())
            .map_err(io::Error::from)?;
        // Without memory for what a damaged directory promises.
        into.clear();
        let read = member.by_ref().take(size).read_to_end(into)?;
        if read as u64 != size {
            return Err(ImageError::Truncated);
        }
        // The checksum is looked at where the member ends.
        match member.read(&mut [0])? {
            0 => Ok(Item::Encoded),
            _ => Err(ImageError::Corrupt("it is longer than its archive says")),
        }
    }
}
