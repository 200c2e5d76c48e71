//! Cuts an array by the first folders of its rows' names: a file of each, with its names.

use crate::rows::copy::{FilePosition, copy};
use crate::rows::durable::{existing_above, make_directory, require_space, sync_directory};
use crate::rows::npy::Header;
use crate::rows::part::read_rows_header;
use crate::rows::unfinished_file::{UnfinishedFile, write_whole};
use crate::text::figures::counted;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// One name per line; line i names row i.
const NAMES: &str = "file_names.txt";

/// A cut that has passed every check.
#[derive(Debug)]
pub struct SplitByFolder {
    file: PathBuf,
    directory: PathBuf,
    pub header: Header,
    pub folders: BTreeMap<String, FolderRows>,
}

/// The rows of a folder, in their order.
#[derive(Debug, Default)]
pub struct FolderRows {
    ranges: Vec<Range<u64>>,
    /// Their lines of the file of names.
    names: Vec<u8>,
}

impl SplitByFolder {
    /// # Errors
    /// No file of names, or one that is of other rows; a row that is in no folder; files that exist; no space.
    pub fn plan(file: &Path, directory: &Path, overwrite: bool) -> Result<Self> {
        let header = read_rows_header(file)?;
        let list = find_names(file)?;
        let names = fs::read(&list).with_context(|| format!("cannot read '{}'", list.display()))?;
        let folders = by_folder(&names, &list)?;
        let lines = folders.values().map(FolderRows::count).sum::<u64>();
        ensure!(
            lines == header.shape[0],
            "'{}' has {}, and '{}' names {lines}; they are not of one run",
            file.display(),
            counted(header.shape[0], "row"),
            list.display()
        );
        ensure!(
            !directory.exists() || directory.is_dir(),
            "'{}' is a file; choose a directory with --out",
            directory.display()
        );
        let cut = Self {
            file: file.into(),
            directory: directory.into(),
            header,
            folders,
        };
        for target in cut.folders.keys().flat_map(|folder| cut.targets(folder)) {
            ensure!(
                overwrite || !target.exists(),
                "'{}' exists; pass --overwrite to replace it",
                target.display()
            );
        }
        let headers = cut.header.data_offset * cut.folders.len() as u64;
        let needed = cut.header.data_bytes() + headers + names.len() as u64;
        require_space(existing_above(directory), needed)?;
        Ok(cut)
    }

    /// Writes a pair of files for each folder; each takes its name when all of it is on disk. Old files of names
    /// are removed first, so that an array never lies beside the names of another.
    ///
    /// # Errors
    /// A full or failing disk.
    pub fn write(&self, advance: &dyn Fn(u64)) -> Result<()> {
        make_directory(&self.directory)
            .with_context(|| format!("cannot make directory '{}'", self.directory.display()))?;
        let (header, file) = Header::open(&self.file)?;
        ensure!(
            header == self.header,
            "'{}' changed while it was being split",
            self.file.display()
        );
        for (folder, rows) in &self.folders {
            let [array, names] = self.targets(folder);
            let unfinished = self.write_array(&file, rows, &array, advance)?;
            if names.exists() {
                fs::remove_file(&names)
                    .with_context(|| format!("cannot remove '{}'", names.display()))?;
                sync_directory(&self.directory)?;
            }
            unfinished.finish(&array)?;
            write_whole(&names, &rows.names)?;
        }
        Ok(())
    }

    fn targets(&self, folder: &str) -> [PathBuf; 2] {
        ["npy", "txt"].map(|ending| self.directory.join(format!("{folder}.{ending}")))
    }

    /// Under a temporary name.
    fn write_array(
        &self,
        file: &File,
        rows: &FolderRows,
        target: &Path,
        advance: &dyn Fn(u64),
    ) -> Result<UnfinishedFile> {
        let unfinished = UnfinishedFile::beside(target)?;
        let head = self.header.with_rows(rows.count())?.to_bytes();
        let row_bytes = self.header.row_bytes();
        let mut to = head.len() as u64;
        let mut write = || -> std::io::Result<()> {
            unfinished.file().write_all_at(&head, 0)?;
            for range in &rows.ranges {
                let from = self.header.data_offset + range.start * row_bytes;
                let length = (range.end - range.start) * row_bytes;
                copy(
                    FilePosition(file, from),
                    FilePosition(unfinished.file(), to),
                    length,
                    advance,
                )?;
                to += length;
            }
            Ok(())
        };
        write().with_context(|| format!("cannot write '{}'", target.display()))?;
        Ok(unfinished)
    }
}

impl FolderRows {
    fn count(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    fn add(&mut self, row: u64, line: &[u8]) {
        match self.ranges.last_mut().filter(|range| range.end == row) {
            Some(range) => range.end += 1,
            None => self.ranges.push(row..row + 1),
        }
        self.names.extend_from_slice(line);
        self.names.push(b'\n');
    }
}

/// Beside a file, or in a run directory beside the layer's folder.
fn find_names(file: &Path) -> Result<PathBuf> {
    let file = file
        .canonicalize()
        .with_context(|| format!("'{}'", file.display()))?;
    let folders = file.ancestors().skip(1).take(2);
    match folders
        .map(|folder| folder.join(NAMES))
        .find(|path| path.is_file())
    {
        Some(path) => Ok(path),
        None => bail!(
            "there is no {NAMES} beside '{}', nor in the folder above; expected the features.npy of a run, which featx merge \
             makes",
            file.display()
        ),
    }
}

fn by_folder(names: &[u8], list: &Path) -> Result<BTreeMap<String, FolderRows>> {
    let mut folders: BTreeMap<String, FolderRows> = BTreeMap::new();
    let lines = names
        .strip_suffix(b"\n")
        .unwrap_or(names)
        .split(|&byte| byte == b'\n');
    for (row, line) in lines.enumerate() {
        let text = String::from_utf8_lossy(line);
        // A name in quotes has no line break or other odd character in them; what it has stays escaped.
        let name = text
            .strip_prefix('"')
            .filter(|name| name.ends_with('"'))
            .unwrap_or(&text);
        let folder = name.split_once('/').map(|(folder, _)| folder);
        let Some(folder) = folder.filter(|folder| !matches!(*folder, "" | "." | "..")) else {
            bail!(
                "'{}' line {}: expected an image in a folder, such as train/a.jpg, found '{text}'",
                list.display(),
                row + 1
            );
        };
        match folders.get_mut(folder) {
            Some(rows) => rows.add(row as u64, line),
            None => folders
                .entry(folder.to_owned())
                .or_default()
                .add(row as u64, line),
        }
    }
    Ok(folders)
}
