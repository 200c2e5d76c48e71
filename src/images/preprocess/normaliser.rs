//! The numbers that the model is given: torchvision's `ToTensor` and `Normalize`.

/// The `f32` of each 8-bit value of each channel.
#[derive(Debug, Clone)]
pub struct Normaliser {
    /// `value * channels + channel`.
    table: Vec<f32>,
    channels: usize,
}

impl Normaliser {
    /// `(v * scale - mean) / std`, each step rounded to `f32` as PyTorch, NumPy and Keras do it: bit for bit their result.
    /// Mean and deviation are of each channel, in the model's order.
    pub(super) fn new(scale: f64, mean: &[f64], std: &[f64]) -> Self {
        // NumPy and transformers multiply in f64, PyTorch divides by 255 in f32: of 8-bit values both round alike.
        let value =
            |v: usize, c: usize| ((v as f64 * scale) as f32 - mean[c] as f32) / std[c] as f32;
        let channels = mean.len();
        Self {
            table: (0..256 * channels)
                .map(|i| value(i / channels, i % channels))
                .collect(),
            channels,
        }
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The value of 8-bit value `v` of channel `c` is at `v * channels + c`.
    pub fn table(&self) -> &[f32] {
        &self.table
    }

    /// Normalises any number of pixels; order and shape (N, H, W, channels) stay.
    ///
    /// # Panics
    /// Where the two lengths differ.
    pub fn normalise_nhwc(&self, pixels: &[u8], out: &mut [f32]) {
        assert_eq!(pixels.len(), out.len(), "as many values out as in");
        match self.channels {
            3 => self.normalise::<3>(pixels, out),
            _ => self.normalise::<1>(pixels, out),
        }
    }

    fn normalise<const CHANNELS: usize>(&self, pixels: &[u8], out: &mut [f32]) {
        let (table, _) = self.table.as_chunks::<CHANNELS>();
        let (pixels, _) = pixels.as_chunks::<CHANNELS>();
        let (out, _) = out.as_chunks_mut::<CHANNELS>();
        for (pixel, values) in pixels.iter().zip(out) {
            for channel in 0..CHANNELS {
                values[channel] = table[usize::from(pixel[channel])][channel];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_each_channel_by_its_own() {
        let normaliser = Normaliser::new(1.0 / 255.0, &[0.0, 0.5, 1.0], &[1.0, 0.5, 2.0]);
        let mut out = [0.0; 6];
        normaliser.normalise_nhwc(&[255, 255, 255, 0, 0, 0], &mut out);
        assert_eq!(out, [1.0, 1.0, 0.0, 0.0, -1.0, -0.5]);
    }

    #[test]
    fn one_product_in_f64_is_the_quotient_in_f32() {
        for divisor in [255.0, 127.5] {
            let normaliser = Normaliser::new(1.0 / divisor, &[0.0], &[1.0]);
            for v in 0..256 {
                assert_eq!(normaliser.table()[v], v as f32 / divisor as f32, "{v}");
            }
        }
    }
}
