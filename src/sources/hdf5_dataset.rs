//! Which dataset of an HDF5 file holds images.

use crate::sources::layout::Layout;
use crate::text::python;
use crate::text::shell::quoted;
use anyhow::{Context, Result, bail, ensure};
use hdf5_metno::filters::Filter;
use hdf5_metno::types::{IntSize, TypeDescriptor};
use hdf5_metno::{Dataset, File, Group};
use std::path::Path;

/// Groups within groups that are searched: a link may lead back into one.
const DEPTH: usize = 8;
/// Datasets that are looked at, and that an error names.
const LOOKED_AT: usize = 1000;
const NAMED: usize = 12;

/// What a row of a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Pixels(Layout),
    /// The bytes of an image file.
    Files,
}

/// # Errors
/// A file that is damaged, cut short or locked.
pub fn open_file(path: &Path) -> Result<File> {
    File::open(path).with_context(|| {
        format!(
            "'{}' cannot be opened; is it complete, and is no other program writing to it? (see: h5ls {})",
            path.display(),
            quoted(&path.display().to_string())
        )
    })
}

/// The dataset of that name, or the only one of images, with its name and what its rows are.
///
/// # Errors
/// There is none or there are several; its rows are no images; it is compressed in a way that is not read.
pub fn find(file: &File, path: &Path, name: Option<&str>) -> Result<(String, Dataset, Content)> {
    let shown = path.display();
    let all = || {
        let mut all = Vec::new();
        search(file, "", DEPTH, &mut all);
        all
    };
    let (name, dataset) = match name {
        Some(name) => match file.dataset(name) {
            Ok(dataset) => (name.to_owned(), dataset),
            Err(_) => bail!(
                "'{shown}' has no dataset '/{name}'; it has {}",
                list(&all())
            ),
        },
        None => {
            let all = all();
            let of_images: Vec<_> = all
                .iter()
                .filter(|(_, dataset)| content(dataset).is_some())
                .collect();
            match of_images.as_slice() {
                [(name, dataset)] => (name.clone(), dataset.clone()),
                [(first, _), ..] => bail!(
                    "'{shown}' has several datasets of images: {}; name one: '{shown}:/{first}'",
                    list(of_images.iter().copied())
                ),
                [] => bail!(
                    "'{shown}' has no dataset of images; expected {EXPECTED}; it has {}",
                    list(&all)
                ),
            }
        }
    };
    let Some(content) = content(&dataset) else {
        bail!(
            "'/{name}' of '{shown}' is {}; expected images as {EXPECTED}",
            describe(&dataset)
        );
    };
    ensure_filters(&dataset, &name, path)?;
    ensure_upright(&dataset, content, &name, path)?;
    ensure!(
        !name.contains('\n'),
        "a dataset of '{shown}' has a line break in its name, which file_names.txt cannot have"
    );
    Ok((name, dataset, content))
}

const EXPECTED: &str = "uint8 of shape (N, H, W, 3), (N, 3, H, W) or (N, H, W), or uint8 of variable length, each an image file";

fn content(dataset: &Dataset) -> Option<Content> {
    const BYTE: TypeDescriptor = TypeDescriptor::Unsigned(IntSize::U1);
    let shape: Vec<u64> = dataset
        .shape()
        .iter()
        .map(|&length| length as u64)
        .collect();
    if shape.first().is_none_or(|&rows| rows == 0) {
        return None;
    }
    match dataset
        .dtype()
        .and_then(|dtype| dtype.to_descriptor())
        .ok()?
    {
        BYTE => Layout::of(&shape).map(Content::Pixels),
        TypeDescriptor::VarLenArray(of) if *of == BYTE && shape.len() == 1 => Some(Content::Files),
        _ => None,
    }
}

/// The datasets below a group, in the order of their names; what cannot be opened is left out.
fn search(group: &Group, front: &str, depth: usize, into: &mut Vec<(String, Dataset)>) {
    for name in group.member_names().unwrap_or_default() {
        if into.len() >= LOOKED_AT {
            return;
        }
        let whole = format!("{front}{name}");
        if let Ok(dataset) = group.dataset(&name) {
            into.push((whole, dataset));
        } else if let Ok(inner) = group.group(&name)
            && depth > 0
        {
            search(&inner, &format!("{whole}/"), depth - 1, into);
        }
    }
}

/// `'/imgBrick' (uint8, 73000 x 425 x 425 x 3), …`
fn list<'a>(datasets: impl IntoIterator<Item = &'a (String, Dataset)>) -> String {
    let described: Vec<String> = datasets
        .into_iter()
        .map(|(name, dataset)| format!("'/{name}' ({})", describe(dataset)))
        .collect();
    match described.len() {
        0 => "none".to_owned(),
        count => {
            let more = if count > NAMED { ", …" } else { "" };
            described[..count.min(NAMED)].join(", ") + more
        }
    }
}

fn describe(dataset: &Dataset) -> String {
    let dtype = dataset.dtype().and_then(|dtype| dtype.to_descriptor());
    let dtype = dtype.map_or("another type".to_owned(), |dtype| dtype.to_string());
    let lengths: Vec<String> = dataset.shape().iter().map(usize::to_string).collect();
    format!("{dtype} of shape ({})", lengths.join(", "))
}

/// MATLAB's axes are in the other order: (H, W, 3, N) lies in the file as (N, 3, W, H).
///
/// # Errors
/// A dataset that MATLAB wrote, whose images would lie on their sides.
fn ensure_upright(dataset: &Dataset, content: Content, name: &str, path: &Path) -> Result<()> {
    let is_upright = match content {
        Content::Pixels(layout) => layout.is_interleaved(),
        Content::Files => true,
    };
    ensure!(
        is_upright || dataset.attr("MATLAB_class").is_err(),
        "'/{name}' of '{}' is MATLAB's, whose axes are in the other order: its images lie on their sides; write it again: \
         {}",
        path.display(),
        python::command(&transposing_script(name, path))
    );
    Ok(())
}

fn transposing_script(name: &str, path: &Path) -> String {
    let (file, name) = (
        python::text(&path.display().to_string()),
        python::text(name),
    );
    format!(
        "import h5py; a = h5py.File({file})[{name}][:].swapaxes(-1, -2); \
         h5py.File(\"images.h5\", \"w\").create_dataset({name}, data=a, chunks=(1, *a.shape[1:]))"
    )
}

fn ensure_filters(dataset: &Dataset, name: &str, path: &Path) -> Result<()> {
    let filters = dataset.filters();
    let Some(filter) = filters
        .iter()
        .find(|filter| !filter.is_available() || !filter.decode_enabled())
    else {
        return Ok(());
    };
    let shown = path.display();
    let (filter, imports) = match filter {
        Filter::User(id, _) => (
            format!("filter {id}{}", name_of(*id)),
            "import h5py, hdf5plugin",
        ),
        Filter::SZip(..) => ("szip".to_owned(), "import h5py"),
        other => (format!("{other:?}"), "import h5py"),
    };
    let (file, dataset) = (python::text(&shown.to_string()), python::text(name));
    let script = format!(
        "{imports}; a = h5py.File({file})[{dataset}]; h5py.File(\"images.h5\", \"w\").create_dataset({dataset}, data=a[:], \
         chunks=(1, *a.shape[1:]), compression=\"gzip\")"
    );
    bail!(
        "'/{name}' of '{shown}' is compressed by {filter}, which is not read; expected gzip, LZF, shuffle or nothing; write it \
         again: {}",
        python::command(&script)
    )
}

/// The name of a filter, from the HDF Group's register.
fn name_of(id: i32) -> &'static str {
    match id {
        307 => " (bzip2)",
        32000 => " (LZF)",
        32001 => " (Blosc)",
        32004 => " (LZ4)",
        32008 => " (bitshuffle)",
        32013 => " (ZFP)",
        32015 => " (Zstandard)",
        32026 => " (Blosc2)",
        _ => "",
    }
}
