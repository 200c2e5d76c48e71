//! Which images, and in what order: a folder searched for them.

use crate::sources::exclusion::Exclusion;
use crate::sources::file_names::FileNames;
use crate::sources::others::Others;
use crate::text::shell::quoted;
use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use std::fs::{DirEntry, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Endings of file names that are taken for images, without the dot, in any case. Icons and cursors are read
/// too, where a list names them: in a folder of photos they are the folder's own.
pub const ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jfif", "jpe", "jif", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm",
    "pbm", "pnm", "qoi", "tga",
];

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// The images, relative to the folder, in byte order of the whole relative path.
    pub names: FileNames,
    pub others: Others,
}

/// Searches `root` and all folders below it. Links to files and folders are followed; a folder that a link leads back
/// into is not entered again. A link that leads nowhere counts as the file that its name promises, so that its loss is
/// seen when it is read. Files that systems and editors leave among images ([`Exclusion`]) do not count as
/// images, whatever their ending.
///
/// # Errors
/// `root` or a folder below it cannot be read, `root` is not a folder, an image's name holds a line break, or there is
/// no image.
pub fn scan(root: &Path) -> Result<Scan> {
    let metadata = match root.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "no image folder '{}'; name one: featx extract … IMAGES",
            root.display()
        ),
        metadata => metadata
            .with_context(|| format!("cannot read the image folder '{}'", root.display()))?,
    };
    ensure!(
        metadata.is_dir(),
        "'{}' is not a folder; for chosen images use --list",
        root.display()
    );
    let mut search = Search {
        root,
        within: vec![identity(&metadata)],
        found: Scan::default(),
    };
    search.folder(&mut PathBuf::new())?;
    let mut found = search.found;
    if found.names.is_empty() {
        let others = found
            .others
            .line()
            .map_or(String::new(), |line| format!(" ({line})"));
        bail!(
            "no image in '{}'{others}; looked for files ending in {}",
            root.display(),
            ENDINGS.join(", ")
        );
    }
    found.names.sort();
    Ok(found)
}

struct Search<'a> {
    root: &'a Path,
    /// Device and inode of each folder from the root to the present one.
    within: Vec<(u64, u64)>,
    found: Scan,
}

impl Search<'_> {
    /// Searches the folder `relative`, which is as before when the call returns.
    fn folder(&mut self, relative: &mut PathBuf) -> Result<()> {
        let folder = self.root.join(&*relative);
        let named = |error| unreadable(&folder, error);
        for entry in folder.read_dir().map_err(named)? {
            let entry = entry.map_err(named)?;
            relative.push(entry.file_name());
            self.entry(&entry, relative)?;
            relative.pop();
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, relative: &mut PathBuf) -> Result<()> {
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot read '{}'", entry.path().display()))?;
        if let Some(reason) = Exclusion::by_name(&entry.file_name(), kind.is_dir()) {
            let mut name = relative.clone();
            if kind.is_dir() {
                name.as_mut_os_string().push("/");
            }
            self.found.others.add(reason, &name);
            return Ok(());
        }
        if kind.is_file() {
            return self.file(relative);
        }
        if !kind.is_dir() && !kind.is_symlink() {
            self.found.others.add(Exclusion::Other, relative);
            return Ok(());
        }
        match std::fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => self.enter(&metadata, relative),
            Ok(metadata) if !metadata.is_file() => {
                self.found.others.add(Exclusion::Other, relative);
                Ok(())
            }
            _ => self.file(relative),
        }
    }

    fn enter(&mut self, metadata: &Metadata, relative: &mut PathBuf) -> Result<()> {
        let id = identity(metadata);
        if self.within.contains(&id) {
            return Ok(());
        }
        self.within.push(id);
        self.folder(relative)?;
        self.within.pop();
        Ok(())
    }

    fn file(&mut self, relative: &Path) -> Result<()> {
        if !is_image_name(relative) {
            self.found.others.add(Exclusion::Other, relative);
            return Ok(());
        }
        ensure!(
            !relative.as_os_str().as_bytes().contains(&b'\n'),
            "the name of '{}' holds a line break, which file_names.txt cannot; rename it",
            relative.display().to_string().escape_debug()
        );
        self.found.names.push(relative);
        Ok(())
    }
}

fn unreadable(folder: &Path, error: std::io::Error) -> Error {
    let folder = folder.display();
    let cure = match error.kind() {
        ErrorKind::PermissionDenied => {
            let folder = quoted(&folder.to_string());
            format!("; make it readable (chmod u+rx {folder}), or name the images with --list")
        }
        _ => String::new(),
    };
    anyhow!("cannot read the image folder '{folder}': {error}{cure}")
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

pub(super) fn is_image_name(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}
