//! An image whose samples come a plane at a time.

use crate::images::decode::palette::Palette;
use crate::images::decode::raw::Raw;
use crate::images::decode::tile::Tile;
use crate::images::raster::Raster;

/// Samples of 8 bits, all of a pixel together, filled band by band.
pub struct Planes {
    width: usize,
    bands: usize,
    samples: Vec<u8>,
}

impl Planes {
    pub fn new(width: usize, height: usize, bands: usize) -> Self {
        Self {
            width,
            bands,
            samples: vec![0; width * height * bands],
        }
    }

    /// Takes one band of a tile from rows of samples of `size` bytes, of which the first counts. `stride`: bytes from
    /// row to row, 0 where they touch. The caller has checked that the rows are there.
    pub fn fill(&mut self, band: usize, tile: &Tile, rows: &[u8], stride: usize, size: usize) {
        let stride = stride.max(tile.width * size);
        for y in 0..tile.height {
            let start = ((tile.y + y) * self.width + tile.x) * self.bands + band;
            let to = self.samples[start..]
                .iter_mut()
                .step_by(self.bands)
                .take(tile.width);
            for (sample, from) in to.zip(rows[y * stride..].iter().step_by(size)) {
                *sample = *from;
            }
        }
    }

    /// Writes the whole as `raw`, whose pixels are as many bytes as there are bands.
    pub fn unpack(&self, raw: Raw, image: &mut Raster) {
        let palette = Palette::default();
        for (y, row) in self
            .samples
            .chunks_exact(self.width * self.bands)
            .enumerate()
        {
            raw.unpack(row, &palette, image.row_mut(y));
        }
    }
}
