//! One layer's folder: its parts, and what `merge` made or is making of them.

use crate::rows::checksum::Checksum;
use crate::rows::merging_file::read_merging;
use crate::rows::npy::Header;
use crate::rows::part::{MERGED, Part, PartName, names_in, read_rows_header};
use crate::rows::part_file::{self, PartFile};
use crate::rows::row_set::RowSet;
use crate::text::figures::row_shape;
use crate::text::shell::quoted;
use anyhow::Result;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a folder holds. Reading it takes one small read a part, and memory for the headers alone.
#[derive(Debug, Default)]
pub struct LayerFolder {
    pub path: PathBuf,
    /// The parts, in row order.
    pub parts: Vec<Part>,
    pub broken: Vec<BrokenPart>,
    /// `features.npy`.
    pub merged: Option<Header>,
    /// The checksums of `features.npy`, as [`Part::checksums`].
    pub merged_checksums: Vec<Checksum>,
    /// What is wrong with `features.npy`: then none of its rows count, and a merge may replace it.
    pub broken_result: Option<String>,
    /// The rows that an interrupted `merge --remove-parts` holds safely, see [`crate::rows::removal`].
    pub merging: Option<Header>,
}

/// A part that cannot be read: truncated, not an `.npy` file, of another form than its name says.
#[derive(Debug)]
pub struct BrokenPart {
    pub path: PathBuf,
    /// One line, with the path.
    pub problem: String,
}

impl LayerFolder {
    /// Reads the folder at `path`; one that does not exist yet holds nothing.
    ///
    /// # Errors
    /// The folder cannot be read, or the names of its parts contradict each other.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_within(path, None)
    }

    /// As [`LayerFolder::read`], but for parts whose names say that they have none of the rows `within`.
    ///
    /// # Errors
    /// As [`LayerFolder::read`].
    pub fn read_within(path: &Path, within: Option<&Range<u64>>) -> Result<Self> {
        let mut folder = Self {
            path: path.into(),
            ..Self::default()
        };
        if !path.exists() {
            return Ok(folder);
        }
        let mut named = Vec::new();
        for name in names_in(path)? {
            let path = path.join(&name);
            if name == MERGED {
                match read_rows_header(&path) {
                    Ok(header) => folder.merged = Some(header),
                    Err(error) => folder.broken_result = Some(format!("{error:#}")),
                }
            } else if let Some(name) = PartName::parse(&name)
                && within.is_none_or(|rows| may_hold(&name, rows))
            {
                match read_rows_header(&path) {
                    Ok(header) => named.push(PartFile { path, name, header }),
                    Err(error) => {
                        let problem = format!("{error:#}");
                        folder.broken.push(BrokenPart { path, problem });
                    }
                }
            }
        }
        folder.merging = read_merging(&path.join(MERGED))?;
        folder.parts = part_file::place(path, named, folder.broken.is_empty())?;
        Ok(folder)
    }

    /// Gives each file the checksums that were kept of it, by its name.
    pub fn expect(&mut self, kept: impl Fn(&str) -> Vec<Checksum>) {
        for part in &mut self.parts {
            part.checksums = kept(&part.name());
        }
        self.merged_checksums = kept(MERGED);
    }

    /// True where there is nothing of ours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let no_result =
            self.merged.is_none() && self.broken_result.is_none() && self.merging.is_none();
        no_result && self.parts.is_empty() && self.broken.is_empty()
    }

    /// The rows that lie in finished files.
    #[must_use]
    pub fn done(&self) -> RowSet {
        let joined = [&self.merged, &self.merging].into_iter().flatten();
        let joined = joined.filter_map(Header::rows).map(|rows| 0..rows);
        joined
            .chain(self.parts.iter().map(|part| part.rows.clone()))
            .collect()
    }

    /// The header of the first part, or of `features.npy` if there is no part.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        let part = self.parts.first().map(|part| &part.header);
        part.or(self.merged.as_ref())
    }

    /// The interrupted `merge --remove-parts` that it holds, and how to finish it.
    #[must_use]
    pub fn interrupted_merge(&self) -> Option<String> {
        let path = self.path.display().to_string();
        self.merging.as_ref().map(|_| {
            format!(
                "'{path}' holds an interrupted merge; finish it first, with: featx merge {} --remove-parts",
                quoted(&path)
            )
        })
    }

    /// What is wrong with the parts, one line each. Parts that featx made have no such lines.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let broken = self.broken.iter().map(|part| part.problem.clone());
        let mut problems: Vec<String> = broken.collect();
        // In order of their first rows, parts that overlap at all do so with a neighbour, once empty ones are left out.
        let full: Vec<_> = self
            .parts
            .iter()
            .filter(|part| !part.rows.is_empty())
            .collect();
        problems.extend(full.windows(2).filter_map(|pair| overlap(pair[0], pair[1])));
        if let [first, rest @ ..] = self.parts.as_slice() {
            problems.extend(rest.iter().filter_map(|part| difference(first, part)));
        }
        problems
    }
}

fn may_hold(name: &PartName, wanted: &Range<u64>) -> bool {
    match name {
        PartName::Rows(rows) => rows.start < wanted.end && wanted.start < rows.end,
        PartName::Number(_) => true,
    }
}

/// The line about two parts that follow each other and share rows.
fn overlap(a: &Part, b: &Part) -> Option<String> {
    let shared = b.rows.start.max(a.rows.start)..b.rows.end.min(a.rows.end);
    (!shared.is_empty()).then(|| {
        format!(
            "'{}' and '{}' both hold rows {}-{}; expected the parts of one run; move one elsewhere",
            a.name(),
            b.name(),
            shared.start,
            shared.end
        )
    })
}

/// The line about a part that is not of the first part's form.
fn difference(first: &Part, part: &Part) -> Option<String> {
    let (a, b) = (&first.header, &part.header);
    let differ = |what: &str, a: String, b: String| {
        (a != b).then(|| {
            format!(
                "'{}' has {what} {b}, but '{}' has {a}",
                part.name(),
                first.name()
            )
        })
    };
    differ(
        "row shape",
        row_shape(a.row_shape()),
        row_shape(b.row_shape()),
    )
    .or_else(|| differ("dtype", a.dtype.to_string(), b.dtype.to_string()))
}
