//! Pictures that the page makes of numbers, as PNG files of 256 colours.

use crate::report::data_uri::png_uri;
use nalgebra::DMatrix;
use plotters::style::RGBColor;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

/// The largest side of an activation map, in pixels.
const SIDE: usize = 32;
/// Where there is no number.
const GREY: [u8; 3] = [128; 3];
const COLOURS: usize = 255;

/// The channel of an activation (C, H, W) that is strongest: whose mean is greatest.
#[derive(Debug)]
pub struct ActivationMap {
    pub channel: usize,
    pub mean: f64,
    pub greatest: f64,
    /// A PNG.
    pub uri: String,
}

impl ActivationMap {
    /// `None` if no channel has a finite mean.
    pub fn strongest(values: &[f64], [height, width]: [usize; 2]) -> Option<Self> {
        let channels = values.chunks_exact(height * width);
        let mean = |channel: &[f64]| channel.iter().sum::<f64>() / channel.len() as f64;
        let means = channels.map(mean).enumerate();
        let (channel, mean) = means
            .filter(|(_, mean)| mean.is_finite())
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let values = &values[channel * height * width..][..height * width];
        let map = DMatrix::from_row_slice(height, width, values);
        Some(Self {
            channel,
            mean,
            greatest: map.max(),
            uri: coloured(&shrunk(&map), map.min(), map.max()),
        })
    }
}

/// Means of squares, so that no side is longer than [`SIDE`].
fn shrunk(map: &DMatrix<f64>) -> DMatrix<f64> {
    let step = map.nrows().max(map.ncols()).div_ceil(SIDE);
    let (height, width) = (map.nrows().div_ceil(step), map.ncols().div_ceil(step));
    DMatrix::from_fn(height, width, |y, x| {
        let size = |at: usize, end: usize| step.min(end - at * step);
        let square = (size(y, map.nrows()), size(x, map.ncols()));
        map.view((y * step, x * step), square).mean()
    })
}

/// One pixel per number, from dark to bright.
pub fn coloured(numbers: &DMatrix<f64>, least: f64, greatest: f64) -> String {
    let span = match greatest > least {
        true => greatest - least,
        false => 1.0,
    };
    let colour = |value: f64| match value.is_finite() {
        true => ((value - least) / span * (COLOURS - 1) as f64).clamp(0.0, 254.0) as u8,
        false => COLOURS as u8,
    };
    let pixels: Vec<u8> = numbers
        .row_iter()
        .flat_map(|row| row.iter().map(|v| colour(*v)).collect::<Vec<_>>())
        .collect();
    png_uri(&pixels, numbers.ncols(), numbers.nrows(), &palette())
}

fn palette() -> Vec<u8> {
    let shade = |at: usize| ViridisRGB.get_color_normalized(at as f32, 0.0, (COLOURS - 1) as f32);
    let shades = (0..COLOURS).map(shade).map(|RGBColor(r, g, b)| [r, g, b]);
    shades.chain([GREY]).flatten().collect()
}
