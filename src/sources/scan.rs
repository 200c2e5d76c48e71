//! Which images, and in what order: a folder searched for them, or a list of them.

use crate::sources::names::FileNames;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{DirEntry, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// File name endings, without the dot and whatever their case, of what is taken for an image.
pub const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"];

/// How many of the other files are named.
const NAMED: usize = 3;

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// The images, relative to the folder, in byte order of the whole relative path.
    pub names: FileNames,
    pub others: Others,
}

/// Files that are not images by their endings.
#[derive(Debug, Default)]
pub struct Others {
    pub count: usize,
    /// The first three in byte order, relative to the folder.
    pub examples: Vec<PathBuf>,
}

impl Others {
    /// `3 other files left out: 'a.txt', 'b.csv', 'notes/c.md'`; none where there are none.
    pub fn line(&self) -> Option<String> {
        let files = if self.count == 1 { "file" } else { "files" };
        let names: Vec<_> = self
            .examples
            .iter()
            .map(|path| format!("'{}'", path.display()))
            .collect();
        let more = if self.count > names.len() {
            ", …"
        } else {
            ""
        };
        (self.count > 0).then(|| {
            format!(
                "{} other {files} left out: {}{more}",
                self.count,
                names.join(", ")
            )
        })
    }

    pub(super) fn add(&mut self, path: &Path) {
        self.count += 1;
        self.name(path);
    }

    /// Takes in those of a source whose name is `front`.
    pub(super) fn absorb(&mut self, front: &Path, others: &Self) {
        self.count += others.count;
        let examples = others.examples.iter();
        examples.for_each(|path| self.name(&front.join(path)));
    }

    fn name(&mut self, path: &Path) {
        let at = self
            .examples
            .partition_point(|seen| seen.as_os_str().as_bytes() < path.as_os_str().as_bytes());
        self.examples.insert(at, path.to_path_buf());
        self.examples.truncate(NAMED);
    }
}

/// Searches `root` and all folders below it. Links to files and folders are followed; a folder that a link leads back
/// into is not entered again. A link that leads nowhere counts as the file that its name promises, so that its loss is
/// seen when it is read.
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
        let reading = || format!("cannot read the image folder '{}'", folder.display());
        for entry in folder.read_dir().with_context(reading)? {
            let entry = entry.with_context(reading)?;
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
        if kind.is_file() {
            return self.file(relative);
        }
        if !kind.is_dir() && !kind.is_symlink() {
            self.found.others.add(relative);
            return Ok(());
        }
        match std::fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => self.enter(&metadata, relative),
            Ok(metadata) if !metadata.is_file() => {
                self.found.others.add(relative);
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
            self.found.others.add(relative);
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
