//! How much RAM a run will take, before it begins: measured on one image, scaled to a batch.

use crate::memory::low_budget::LowBudget;
use crate::memory::usage::{Gauge, peak_rss, trim_allocator};
use anyhow::{Result, ensure};

/// The share of the budget that the model and its batches may take; the rest is for rows on their way to disk.
pub const SHARE_OF_BATCHES: f64 = 0.75;
/// A decoder's memory for one photo of ordinary size, bytes. Larger ones ask at the gate.
pub const DECODER: u64 = 8 << 20;

/// What a run takes, bytes, from figures that were measured with the model loaded and one image computed.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Resident with the model loaded.
    resident: u64,
    /// The most that was resident so far.
    peak: u64,
    /// Bytes for each image of a batch, while the batch goes from decoder to part.
    per_image: u64,
    decoders: u64,
    /// The matrices that rows are projected with.
    projections: u64,
    /// The buffers of the sources that images are read from.
    buffers: u64,
}

/// What one image takes on its way, bytes.
#[derive(Debug, Clone, Copy)]
pub struct PerImage {
    /// Tensors of the forward pass, the activations included.
    pub forward: u64,
    /// 8-bit pixels of one image.
    pub pixels: u64,
    /// Batches of pixels in memory.
    pub batches: u64,
    /// What the models compute on.
    pub inputs: u64,
    /// The activations of all layers that wait to be written.
    pub activations: u64,
    /// The row as it is stored.
    pub row: u64,
}

impl Forecast {
    /// Measures now, with the model loaded and one image computed.
    ///
    /// # Errors
    /// A machine whose memory cannot be read.
    pub fn measure(
        image: PerImage,
        workers: usize,
        projections: u64,
        buffers: u64,
    ) -> Result<Self> {
        trim_allocator();
        let pixels = image.pixels * image.batches;
        // One batch's activations wait for the writer while the next is computed; its rows lie in the part as well.
        let per_image = image.forward + image.inputs + pixels + image.activations + image.row;
        let decoders = workers as u64 * (DECODER + image.pixels);
        Ok(Self {
            resident: Gauge::new()?.rss(),
            peak: peak_rss(),
            per_image,
            decoders,
            projections,
            buffers,
        })
    }

    /// The forecast with `bytes` more, which the process will hold.
    #[must_use]
    pub fn holding(mut self, bytes: u64) -> Self {
        self.resident += bytes;
        self
    }

    /// What the run takes besides the model, whatever the size of its batches.
    fn fixed(&self) -> u64 {
        self.decoders + self.projections + self.buffers
    }

    /// Bytes that a run with batches of this size takes at least.
    #[must_use]
    pub fn floor(&self, batch: u64) -> u64 {
        self.peak.max(self.takes(batch))
    }

    /// Bytes that such a run takes in a process that has done nothing before.
    #[must_use]
    pub fn takes(&self, batch: u64) -> u64 {
        self.resident + self.fixed() + batch * self.per_image
    }

    /// The largest batch that leaves room for parts.
    #[must_use]
    pub fn batch_for(&self, budget: u64, images: u64, largest: u64) -> u64 {
        let share = (budget as f64 * SHARE_OF_BATCHES) as u64;
        let room = share.saturating_sub(self.resident + self.fixed());
        (room / self.per_image.max(1)).clamp(1, largest.min(images))
    }

    /// # Errors
    /// A budget under the floor: names it, and what lowers it.
    pub fn ensure_fits(&self, budget: u64, batch: u64) -> Result<()> {
        let floor = self.floor(batch);
        let cure = match (batch > 1, self.peak < floor) {
            _ if self.peak < floor && self.projections > floor / 4 => {
                "a smaller --project, --pool before it, or fewer layers lower it"
            }
            _ if self.peak < floor && self.buffers > floor / 4 => {
                "most of it is for reading the images, which lie in large blocks: write them in smaller ones (chunks, row \
                 groups), or lower --workers"
            }
            (true, true) => "a smaller --batch-size, fewer --workers or fewer layers lower it",
            (false, true) => "fewer --workers or fewer layers lower it",
            _ => "the model alone takes it; an earlier layer or a smaller model lowers it",
        };
        ensure!(
            floor <= budget,
            LowBudget {
                budget,
                floor,
                batch,
                cure
            }
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORECAST: Forecast = Forecast {
        resident: 100,
        peak: 120,
        per_image: 10,
        decoders: 20,
        projections: 0,
        buffers: 0,
    };

    #[test]
    fn the_batch_leaves_room_for_parts() {
        assert_eq!(FORECAST.batch_for(200, 1000, 8), 3);
        assert_eq!(FORECAST.batch_for(200, 2, 8), 2);
        assert_eq!(FORECAST.batch_for(50, 1000, 8), 1);
        assert_eq!(FORECAST.batch_for(100_000, 1000, 8), 8);
    }

    #[test]
    fn a_budget_under_the_floor_is_refused() {
        assert_eq!(FORECAST.floor(3), 150);
        assert!(FORECAST.ensure_fits(150, 3).is_ok());
        let error = FORECAST.ensure_fits(149, 3).unwrap_err().to_string();
        let expected = "--ram-budget 149 B is under the floor of 150 B for batches of 3; \
                        a smaller --batch-size, fewer --workers or fewer layers lower it";
        assert_eq!(error, expected);
    }
}
