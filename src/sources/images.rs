//! The images of a run: which, and in what order.

use crate::images::Preprocess;
use crate::sources::file_names::FileNames;
use crate::sources::named_source::NamedSource;
use crate::sources::place::Place;
use anyhow::{Result, bail, ensure};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// Readers that a thread keeps open: where one source ends and the next begins, both are read.
pub(super) const OPEN_READERS: usize = 2;

/// Row i of a run is the i-th of these.
#[derive(Debug)]
pub struct Images {
    sources: Vec<NamedSource>,
    names: FileNames,
    /// The row of the first name. A shard has the names of its own rows alone, so it may begin at another row than 0.
    first: u64,
    /// Where each image lies. Empty if all are in one folder: then their names tell.
    places: Vec<Place>,
}

impl Images {
    /// `places` is empty where all are in one folder.
    pub(super) fn new(
        sources: Vec<NamedSource>,
        first: u64,
        names: FileNames,
        places: Vec<Place>,
    ) -> Self {
        Self {
            sources,
            names,
            first,
            places,
        }
    }

    pub fn sources(&self) -> &[NamedSource] {
        &self.sources
    }

    /// The place of each row. Empty if all are in one folder: then their names tell.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Bytes that the readers of this number of threads take, besides the items that they have read.
    pub fn buffers(&self, threads: u64) -> u64 {
        let buffers = self
            .sources
            .iter()
            .map(|named| named.source.buffers(threads));
        OPEN_READERS as u64 * buffers.max().unwrap_or_default()
    }

    /// True where items are what the model takes, in place of images.
    pub fn are_values(&self) -> bool {
        self.sources
            .iter()
            .any(|named| named.source.values().is_some())
    }

    /// Bytes of an item on its way to the model.
    pub fn item_bytes(&self, preprocess: &Preprocess) -> usize {
        match self.are_values() {
            true => preprocess.image_bytes() * size_of::<f32>(),
            false => preprocess.image_bytes(),
        }
    }

    /// # Errors
    /// Values of another shape than the model takes; values beside images.
    pub fn ensure_fit(&self, preprocess: &Preprocess) -> Result<()> {
        let shape = preprocess.shape();
        for named in self.sources.iter().filter(|_| self.are_values()) {
            let path = named.path.display();
            let Some((height, width)) = named.source.values() else {
                bail!(
                    "'{path}' holds images, and another source float32 arrays, which are not preprocessed; give them to a run \
                     each"
                );
            };
            let crop = match height == width {
                true => width.to_string(),
                false => format!("{height}x{width}"),
            };
            ensure!(
                (3, height as usize, width as usize) == (shape.channels, shape.height, shape.width),
                "'{path}' holds arrays of 3 x {height} x {width}, which go to the model as they are; expected {} x {} x {}; \
                 where the model takes them, pass --crop {crop}",
                shape.channels,
                shape.height,
                shape.width
            );
        }
        Ok(())
    }

    /// The same, without the images of other rows than these.
    pub fn within(self, rows: &Range<u64>) -> Self {
        let mut names = FileNames::default();
        rows.clone().for_each(|row| names.push(self.name(row)));
        let place = |row: u64| self.places.get((row - self.first) as usize).copied();
        Self {
            places: rows.clone().filter_map(place).collect(),
            names,
            first: rows.start,
            ..self
        }
    }

    pub fn len(&self) -> u64 {
        self.names.len() as u64
    }

    /// False: without images there is no run.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The rows of these images; a shard has its own rows alone.
    pub fn rows(&self) -> Range<u64> {
        self.first..self.first + self.len()
    }

    /// The name of a row's image.
    pub fn name(&self, row: u64) -> &Path {
        self.names.get((row - self.first) as usize)
    }

    /// False when the whole source of a row has vanished or changed.
    pub fn are_there(&self, row: u64) -> bool {
        let source = self.place(row).source();
        self.sources[source].source.is_there()
    }

    /// A name a line, each as it is: what the list of images is known by.
    pub fn file_names(&self) -> &[u8] {
        self.names.lines()
    }

    /// `file_names.txt`, quoted where a name would not be a line of text.
    pub fn file_names_text(&self) -> Cow<'_, [u8]> {
        self.names.text()
    }

    pub(super) fn place(&self, row: u64) -> Place {
        let place = self.places.get((row - self.first) as usize);
        place.copied().unwrap_or(Place::new(0, 0))
    }
}
