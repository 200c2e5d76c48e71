//! Joins the parts of a layer into one array: everything checked first, then written beside and renamed.

use crate::rows::checksum::{Checksum, RunningChecksum};
use crate::rows::copy::{FilePosition, Look, allocate, copy_reading, same};
use crate::rows::durable::with_ending;
use crate::rows::layer_folder::LayerFolder;
use crate::rows::merging_file;
use crate::rows::npy::Header;
use crate::rows::part::{MERGING, Part, PartName, file_name, read_rows_header};
use crate::rows::row_set::RowSet;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A merge that has passed every check but that for space.
#[derive(Debug)]
pub struct Join {
    pub parts: Vec<Part>,
    pub target: PathBuf,
    /// The header of the result.
    pub header: Header,
    pub header_bytes: Vec<u8>,
    /// Rows of an interrupted merge that removes its parts.
    pub safe_rows: u64,
    /// The result is whole already: only the parts that it holds are left to be removed.
    pub only_remove: bool,
}

/// Who is told of a merge while it writes.
#[derive(Clone, Copy)]
pub struct JoinListener<'a> {
    /// Is told of the bytes of rows that are written.
    pub advance: &'a dyn Fn(u64),
    /// Keeps the checksum of the result before the result has its name. `None` where nobody does.
    pub keep: Option<&'a dyn Fn(Checksum) -> Result<()>>,
}

/// How a merge is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct JoinOptions {
    pub remove_parts: bool,
    pub overwrite: bool,
}

impl Join {
    /// Checks that the parts of `folder` make one array of `rows` rows (of as many as there are, if `None`) and may
    /// be written to `target`. Where a result is there and its parts are to go, the two are compared, and `compared` is
    /// told of the bytes.
    ///
    /// # Errors
    /// Parts that cannot be read, differ, overlap or leave rows out; a result that exists.
    pub fn plan(
        folder: &LayerFolder,
        rows: Option<u64>,
        target: PathBuf,
        options: JoinOptions,
        compared: &dyn Fn(u64),
    ) -> Result<Self> {
        if let Some(problem) = folder.problems().into_iter().next() {
            bail!("{problem}");
        }
        let Some(first) = folder.parts.first() else {
            bail!("'{}' holds no parts", folder.path.display());
        };
        let merging = merging_file::read_merging(&target)?;
        check_merging(merging.as_ref(), first, &target, options)?;
        let safe_rows = merging.as_ref().and_then(Header::rows).unwrap_or_default();
        let last = folder.parts.iter().map(|part| part.rows.end).max();
        let total = rows.unwrap_or(last.unwrap_or_default().max(safe_rows));
        let (header, header_bytes) = result_header(&folder.parts, total)?;
        let mut join = Self {
            parts: folder.parts.clone(),
            target,
            header,
            header_bytes,
            safe_rows,
            only_remove: false,
        };
        join.only_remove =
            options.remove_parts && merging.is_none() && join.is_done(rows, compared)?;
        if !join.only_remove {
            join.check_free_name(options)?;
            join.check_coverage(&folder.path, rows)?;
        }
        Ok(join)
    }

    /// True where the result holds every row, and every part that is left byte for byte.
    fn is_done(&self, said: Option<u64>, compared: &dyn Fn(u64)) -> Result<bool> {
        if !self.target.exists() {
            return Ok(false);
        }
        // One that cannot be read is not done, and may be replaced.
        let Ok(header) = read_rows_header(&self.target) else {
            return Ok(false);
        };
        // Where nothing says how many rows there are, the last parts may have gone already.
        let whole = said.is_none() || header.rows() == said;
        if !(whole && header.has_rows_like(&self.header)) {
            return Ok(false);
        }
        let result = File::open(&self.target)
            .with_context(|| format!("cannot read '{}'", self.target.display()))?;
        for part in &self.parts {
            if !holds(&result, &header, part)? {
                return Ok(false);
            }
            compared(part.bytes());
        }
        Ok(true)
    }

    fn check_coverage(&self, folder: &Path, said: Option<u64>) -> Result<()> {
        let total = self.header.shape[0];
        let by = said.map_or("", |_| ", as run.toml or file_names.txt counts them");
        let parts = self.parts.iter().map(|part| part.rows.clone());
        let done: RowSet = parts.chain(std::iter::once(0..self.safe_rows)).collect();
        let missing = done.missing(0..total);
        let path = folder.display();
        ensure!(
            missing.is_empty(),
            "'{path}' lacks rows {missing} of {total}{by}"
        );
        let end = done.ranges().last().map_or(0, |last| last.end);
        ensure!(
            end == total,
            "'{path}' holds rows up to {end}, expected {total}{by}"
        );
        Ok(())
    }

    fn check_free_name(&self, options: JoinOptions) -> Result<()> {
        let path = self.target.display();
        ensure!(
            !self.target.is_dir(),
            "'{path}' is a directory; expected the name of a file"
        );
        ensure!(
            PartName::parse(&file_name(&self.target)).is_none(),
            "'{path}' is named as a part; choose another name for the result"
        );
        ensure!(
            options.overwrite || !self.target.exists(),
            "'{path}' exists; pass --overwrite to replace it"
        );
        Ok(())
    }

    /// Bytes of the result.
    #[must_use]
    pub fn result_bytes(&self) -> u64 {
        self.header_bytes.len() as u64 + self.header.data_bytes()
    }

    /// Writes the result beside its name and renames it.
    ///
    /// # Errors
    /// A full or failing disk, a damaged part; then nothing is left, and a result that was there still is.
    pub fn write(&self, listener: JoinListener) -> Result<()> {
        let unfinished = UnfinishedFile::beside(&self.target)?;
        let named = || format!("cannot write '{}'", self.target.display());
        allocate(unfinished.file(), self.result_bytes()).with_context(named)?;
        unfinished
            .file()
            .write_all_at(&self.header_bytes, 0)
            .with_context(named)?;
        let mut sum = listener
            .keep
            .map(|_| RunningChecksum::of(&self.header_bytes));
        for part in &self.parts {
            let at = self.header_bytes.len() as u64 + part.rows.start * self.header.row_bytes();
            copy_part(
                part,
                FilePosition(unfinished.file(), at),
                sum.as_mut(),
                listener.advance,
            )?;
        }
        if let (Some(keep), Some(sum)) = (listener.keep, sum) {
            keep(sum.finish())?;
        }
        unfinished.finish(&self.target)
    }
}

/// Copies a part's rows, once its file is seen to be the one that was checked; they are added to the result's `sum`.
///
/// # Errors
/// The part changed since, or is damaged; a full or failing disk.
pub fn copy_part(
    part: &Part,
    to: FilePosition,
    mut sum: Option<&mut RunningChecksum>,
    advance: &dyn Fn(u64),
) -> Result<()> {
    let (header, file) = Header::open(&part.path)?;
    ensure!(
        header == part.header,
        "'{}' changed while it was being merged",
        part.path.display()
    );
    let named = || format!("cannot copy '{}'", part.path.display());
    let mut own = part.begin_checking(&file).with_context(named)?;
    let is_read = own.is_some() || sum.is_some();
    let mut look = |bytes: &[u8]| {
        own.iter_mut()
            .chain(sum.as_deref_mut())
            .for_each(|sum| sum.write(bytes));
    };
    let look = is_read.then_some(&mut look as Look);
    let from = FilePosition(&file, header.data_offset);
    copy_reading(from, to, part.bytes(), look, advance).with_context(named)?;
    own.map_or(Ok(()), |own| part.check(&own))
}

/// True where `result` has, at the part's place, exactly the part's bytes.
///
/// # Errors
/// One of them cannot be read.
pub fn holds(result: &File, header: &Header, part: &Part) -> Result<bool> {
    let file = File::open(&part.path).with_context(|| format!("'{}'", part.path.display()))?;
    let at = header.data_offset + part.rows.start * header.row_bytes();
    let inside = header.rows() >= Some(part.rows.end);
    let alike = || {
        same(
            FilePosition(&file, part.header.data_offset),
            FilePosition(result, at),
            part.bytes(),
        )
    };
    Ok(inside && alike().with_context(|| format!("'{}'", part.path.display()))?)
}

/// The header of the result: in the length and format that the parts agree on, so that the parts of a split file give
/// back its very bytes, else as `np.save` writes it.
fn result_header(parts: &[Part], rows: u64) -> Result<(Header, Vec<u8>)> {
    let first = &parts[0].header;
    let agree = |part: &Part| {
        (part.header.version, part.header.data_offset) == (first.version, first.data_offset)
    };
    let mut header = first.with_rows(rows)?;
    let padded = header.to_bytes_padded(first.version, first.data_offset as usize);
    let bytes = match padded {
        Ok(bytes) if parts.iter().all(agree) => bytes,
        _ => header.to_bytes(),
    };
    header.data_offset = bytes.len() as u64;
    header.version = bytes[6];
    Ok((header, bytes))
}

/// An interrupted merge that removes its parts can only be continued as one.
fn check_merging(
    merging: Option<&Header>,
    first: &Part,
    target: &Path,
    options: JoinOptions,
) -> Result<()> {
    let Some(merging) = merging else {
        return Ok(());
    };
    let path = with_ending(target, MERGING);
    ensure!(
        options.remove_parts,
        "'{}' holds rows that an interrupted merge took from their parts; finish it with --remove-parts",
        path.display()
    );
    ensure!(
        merging.has_rows_like(&first.header),
        "'{}' has rows {} of {}, but '{}' has {} of {}; expected the parts of one run",
        path.display(),
        crate::text::figures::row_shape(merging.row_shape()),
        merging.dtype,
        file_name(&first.path),
        crate::text::figures::row_shape(first.header.row_shape()),
        first.header.dtype
    );
    Ok(())
}
