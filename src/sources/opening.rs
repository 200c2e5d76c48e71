//! What was typed becomes a source, with the name that its rows bear.

use crate::sources::array::Array;
use crate::sources::folder::Folder;
#[cfg(feature = "hdf5")]
use crate::sources::hdf5::Hdf5;
use crate::sources::image_file::ImageFile;
use crate::sources::kind::Kind;
#[cfg(feature = "lmdb")]
use crate::sources::lmdb::Lmdb;
use crate::sources::named_source::NamedSource;
#[cfg(feature = "parquet")]
use crate::sources::parquet::Parquet;
use crate::sources::source::Source;
use crate::sources::source_path::SourcePath;
use crate::sources::tar::Tar;
use crate::sources::zip::Zip;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// # Errors
/// A path of no known kind, or a source that cannot be opened.
pub fn open(SourcePath { path, inside }: SourcePath) -> Result<NamedSource> {
    let kind = Kind::of(&path)?;
    let mut front = PathBuf::from(own_name(&path)?);
    ensure!(
        inside.is_none() || matches!(kind, Kind::Hdf5 | Kind::Parquet),
        "'{}' is a {}, in which ':{}' names nothing; a dataset of an HDF5 file or a column of a Parquet file is named so",
        path.display(),
        kind.name(),
        inside.as_deref().unwrap_or_default()
    );
    let source: Arc<dyn Source> = match kind {
        Kind::Folder => Arc::new(Folder::new(&path)),
        Kind::Image => Arc::new(ImageFile::new(&path)),
        Kind::Tar => Arc::new(Tar::new(&path)?),
        Kind::Zip => Arc::new(Zip::new(&path)?),
        Kind::Array => Arc::new(Array::new(&path)?),
        #[cfg(feature = "hdf5")]
        Kind::Hdf5 => Arc::new(Hdf5::new(&path, inside.as_deref())?),
        #[cfg(feature = "lmdb")]
        Kind::Lmdb => Arc::new(Lmdb::new(&path)?),
        #[cfg(feature = "parquet")]
        Kind::Parquet => Arc::new(Parquet::new(&path, inside.as_deref())?),
        #[cfg(not(all(feature = "hdf5", feature = "lmdb", feature = "parquet")))]
        other => bail!(left_out_of_build(other, &path)),
    };
    let inside = match source.name_within() {
        Some(name) => {
            front.push(name); // which tells sources of one file apart
            None
        }
        None => inside,
    };
    Ok(NamedSource {
        front,
        path,
        kind,
        inside,
        source,
    })
}

#[cfg(not(all(feature = "hdf5", feature = "lmdb", feature = "parquet")))]
fn left_out_of_build(kind: Kind, path: &Path) -> String {
    let (path, kind) = (path.display(), kind.name());
    format!(
        "cannot read '{path}': this featx was built without its feature '{kind}'; build it with: cargo build --release \
         --features {kind}"
    )
}

/// The last step of a path, also of `.` and `images/..`.
fn own_name(path: &Path) -> Result<std::ffi::OsString> {
    if let Some(name) = path.file_name() {
        return Ok(name.to_owned());
    }
    let whole = path
        .canonicalize()
        .with_context(|| format!("cannot read '{}'", path.display()))?;
    Ok(whole.file_name().unwrap_or(OsStr::new("root")).to_owned())
}

/// # Errors
/// Two sources whose rows would have the same names; a name with a line break.
pub fn ensure_good_names(sources: &[NamedSource]) -> Result<()> {
    let mut seen: HashMap<&Path, &Path> = HashMap::new();
    for named in sources {
        let NamedSource { front, path, .. } = named;
        ensure!(
            !front.as_os_str().as_bytes().contains(&b'\n'),
            "the name of '{}' holds a line break, which file_names.txt cannot; rename it",
            path.display().to_string().escape_debug()
        );
        if let Some(other) = seen.insert(front, path) {
            let more = match named.kind {
                Kind::Image => "",
                _ => "/…",
            };
            bail!(
                "'{}' and '{}' would give rows the same names, '{}{more}'; give one of them another name, or a link to it: \
                 ln -s",
                other.display(),
                path.display(),
                front.display()
            );
        }
    }
    Ok(())
}
