//! Images as the model saw them: decoded, resized and cropped as the run did it.

use crate::images::{Channels, Preprocess, Preprocessor};
use crate::report::data_uri::photo_uri;
use crate::run::record::Run;
use crate::run::sources::{KeptSource, KeptSources, read_places};
use crate::sources::{
    FileNames, Images, NamedSource, Place as RowPlace, RowReader, SourceList, unquoted,
};
use anyhow::{Context, Error, Result, bail, ensure};
use image::RgbImage;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sides of pictures on the page, and under the pointer.
const LARGE: u32 = 160;
const SMALL: u32 = 48;
/// Bytes of the page for all pictures, about.
const ROOM: usize = 1_200_000;
/// The cure where images are not found.
const CURE: &str = "pass --images DIR with the folder or the archives that they are in";

#[derive(Debug, Default)]
pub struct Pictures {
    pub found: BTreeMap<u64, Picture>,
    /// Why there are none.
    pub missing: Option<String>,
}

#[derive(Debug)]
pub enum Picture {
    Shown {
        small: String,
        /// The picture in large, for the rows that are shown so.
        large: Option<String>,
    },
    /// Why it cannot be shown.
    Broken(String),
}

/// Where images are looked for.
#[derive(Debug)]
pub struct Place<'a> {
    /// The run's directory.
    pub directory: &'a Path,
    pub run: &'a Run,
    /// As typed; empty where the run has to tell.
    pub images: &'a [PathBuf],
}

impl Pictures {
    /// Pictures of rows with these names, the most wanted first, as far as the page has room.
    pub fn of(
        place: &Place,
        names: &BTreeMap<u64, PathBuf>,
        wanted: &[u64],
        large: &BTreeSet<u64>,
    ) -> Self {
        match load(place, names, wanted, large) {
            Ok(found) => Self {
                found,
                missing: None,
            },
            Err(error) => Self {
                found: BTreeMap::new(),
                missing: Some(format!("{error:#}")),
            },
        }
    }

    pub fn small(&self, row: u64) -> Option<&str> {
        match self.found.get(&row)? {
            Picture::Shown { small, .. } => Some(small),
            Picture::Broken(_) => None,
        }
    }
}

fn load(
    place: &Place,
    names: &BTreeMap<u64, PathBuf>,
    wanted: &[u64],
    large: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, Picture>> {
    let preprocess: Preprocess = place
        .run
        .preprocess
        .clone()
        .try_into()
        .context("run.toml")?;
    preprocess.validate()?;
    let images = Arc::new(find(place, names)?);
    ensure!(
        !images.are_values(),
        "the run's sources hold arrays of float32, which are no pictures"
    );
    let mut loader = Loader {
        reader: RowReader::new(&images),
        preprocessor: Preprocessor::new(&preprocess),
        preprocess,
        bytes: Vec::new(),
    };
    let places: BTreeMap<u64, u64> = names.keys().copied().zip(0..).collect();
    let (mut found, mut bytes) = (BTreeMap::new(), 0);
    for row in wanted.iter().filter(|row| places.contains_key(row)) {
        if bytes > ROOM {
            break;
        }
        let mut picture = || match loader.photo(places[row]) {
            Ok(photo) => Picture::Shown {
                small: photo_uri(&photo, SMALL),
                large: large.contains(row).then(|| photo_uri(&photo, LARGE)),
            },
            Err(error) => Picture::Broken(format!("{error:#}")),
        };
        if let Entry::Vacant(entry) = found.entry(*row) {
            bytes += entry.insert(picture()).bytes();
        }
    }
    let shown = |picture: &Picture| matches!(picture, Picture::Shown { .. });
    if let Some(Picture::Broken(why)) = found.values().next()
        && !found.values().any(shown)
    {
        bail!("none of the images can be read; the first: {why}; {CURE}");
    }
    Ok(found)
}

impl Picture {
    /// Bytes of the page that the pictures take.
    fn bytes(&self) -> usize {
        match self {
            Self::Shown { small, large } => small.len() + large.as_ref().map_or(0, String::len),
            Self::Broken(why) => why.len(),
        }
    }
}

/// The images of these names, in their order.
fn find(place: &Place, names: &BTreeMap<u64, PathBuf>) -> Result<Images> {
    let kept = KeptSources::read(place.directory);
    let typed: Vec<PathBuf> = match (place.images, &place.run.sources, kept) {
        ([], Some(sources), _) => sources.iter().map(PathBuf::from).collect(),
        ([], None, Some(kept)) => kept.source.iter().map(path).collect(),
        ([], None, None) => bail!("where they are is not known; {CURE}"),
        (typed, ..) => typed.to_vec(),
    };
    let found =
        SourceList::new(&typed).map_err(|error| Error::msg(format!("{error:#}; {CURE}")))?;
    let mut wanted = FileNames::default();
    names.values().for_each(|name| wanted.push(name));
    match kept_places(place, &found, names) {
        Some(places) => found.placed(0, wanted, places),
        None => found.located(0, wanted, Path::new("file_names.txt")),
    }
}

/// Where the rows of these names lie, as the run keeps it. `None` if it does not, or its sources have changed since.
fn kept_places(
    place: &Place,
    found: &SourceList,
    names: &BTreeMap<u64, PathBuf>,
) -> Option<Vec<RowPlace>> {
    let kept = KeptSources::read(place.directory)?;
    let now = found.sources();
    let is_same = |(kept, now): (&KeptSource, &NamedSource)| match (&kept.file, now.source.file()) {
        (Some(kept), Some((_, now))) => (kept.bytes, kept.modified) == (now.bytes, now.modified),
        (None, None) => true,
        _ => false,
    };
    let all_same = kept.source.len() == now.len() && kept.source.iter().zip(now).all(is_same);
    if !all_same || kept.image_list != place.run.image_list {
        return None;
    }
    let of_row = |&row: &u64| {
        let places = read_places(place.directory, place.run.images, &(row..row + 1))?;
        let known = places.into_iter().next().map(RowPlace)?;
        (known.source() < now.len()).then_some(known)
    };
    names.keys().map(of_row).collect()
}

/// As it was typed.
fn path(kept: &KeptSource) -> PathBuf {
    let mut path = unquoted(kept.path.as_bytes()).into_owned();
    if let Some(inside) = &kept.inside {
        path.extend(format!(":{inside}").bytes());
    }
    OsString::from_vec(path).into()
}

struct Loader {
    reader: RowReader,
    preprocessor: Preprocessor,
    preprocess: Preprocess,
    bytes: Vec<u8>,
}

impl Loader {
    fn photo(&mut self, at: u64) -> Result<RgbImage> {
        let item = self.reader.read(at, &mut self.bytes)?;
        let mut pixels = vec![0; self.preprocess.image_bytes()];
        item.decode(&self.bytes, &mut self.preprocessor, &mut pixels)?;
        let shape = self.preprocess.shape();
        let rgb = match self.preprocess.channels {
            Channels::Rgb => pixels,
            Channels::Bgr => pixels
                .as_chunks()
                .0
                .iter()
                .flat_map(|[b, g, r]| [*r, *g, *b])
                .collect(),
            Channels::Grey => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        };
        RgbImage::from_raw(shape.width as u32, shape.height as u32, rgb)
            .context("an image of no pixel")
    }
}
