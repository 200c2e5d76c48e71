//! A resize and the crop of it, in passes over the pixels that the crop needs.

use crate::images::raster::{Raster, View, ViewMut};
use crate::images::resize::geometry::{Axis, Geometry};
use crate::images::resize::method::{Interpolation, Method, Resampler};
use crate::images::resize::taps::Taps;
use crate::images::resize::{opencv, passes};
use std::ops::Range;

/// Resizes and crops, in buffers that it keeps.
#[derive(Debug, Default)]
pub struct Resizer {
    columns: Taps,
    rows: Taps,
    between: Raster,
}

impl Resizer {
    /// Writes the crop, pixels of R, G, B, row after row. Pixels that the image does not reach get `fill`.
    pub fn resize_into(
        &mut self,
        image: &Raster,
        geometry: &Geometry,
        method: Method,
        fill: u8,
        out: &mut [u8],
    ) {
        let Geometry { x, y } = geometry;
        if x.kept < x.side || y.kept < y.side {
            out.fill(fill);
        }
        if x.is_empty() || y.is_empty() {
            return;
        }
        let to = ViewMut {
            bytes: &mut out[(y.padding * x.side + x.padding) * 3..],
            stride: x.side * 3,
        };
        if x.input == x.output && y.input == y.output {
            copy(image.view(x.first, y.first), x.kept * 3, y.kept, to);
        } else if method.interpolation == Interpolation::Nearest {
            nearest(image, [x, y], method.resampler, to);
        } else if method.resampler == Resampler::OpenCv {
            opencv::bilinear(image, [x, y], to);
        } else {
            self.resample(image, geometry, method, to);
        }
    }

    /// `ImagingResampleInner`: a pass whose size does not change is skipped.
    fn resample(&mut self, image: &Raster, geometry: &Geometry, method: Method, to: ViewMut<'_>) {
        let Geometry { x, y } = geometry;
        self.columns.compute(x, method);
        self.rows.compute(y, method);
        let vertical_first = method.resampler == Resampler::Pillow && vertical_first(x, y);
        match (x.input != x.output, y.input != y.output) {
            (true, true) if vertical_first => {
                let columns = self.columns.span();
                self.columns.shift(columns.start);
                self.vertical_then_horizontal(image, columns, to);
            }
            (true, true) => {
                let rows = self.rows.span();
                self.rows.shift(rows.start);
                self.horizontal_then_vertical(image, rows, to);
            }
            (true, false) => passes::horizontal(image.view(0, y.first), y.kept, &self.columns, to),
            (false, _) => passes::vertical(image.view(x.first, 0), x.kept * 3, &self.rows, to),
        }
    }

    fn horizontal_then_vertical(&mut self, image: &Raster, rows: Range<usize>, to: ViewMut<'_>) {
        self.between.reset(self.columns.len(), rows.len());
        passes::horizontal(
            image.view(0, rows.start),
            rows.len(),
            &self.columns,
            self.between.view_mut(),
        );
        passes::vertical(
            self.between.view(0, 0),
            self.columns.len() * 3,
            &self.rows,
            to,
        );
    }

    fn vertical_then_horizontal(&mut self, image: &Raster, columns: Range<usize>, to: ViewMut<'_>) {
        self.between.reset(columns.len(), self.rows.len());
        passes::vertical(
            image.view(columns.start, 0),
            columns.len() * 3,
            &self.rows,
            self.between.view_mut(),
        );
        passes::horizontal(self.between.view(0, 0), self.rows.len(), &self.columns, to);
    }
}

/// Pillow 13's rule, on the whole sizes: where the height shrinks by more than twice what the width does.
fn vertical_first(x: &Axis, y: &Axis) -> bool {
    let shrinks = |axis: &Axis| axis.input as i64 - axis.output as i64;
    shrinks(y) > 0 && shrinks(y) > 2 * shrinks(x)
}

fn copy(from: View<'_>, bytes: usize, rows: usize, to: ViewMut<'_>) {
    for y in 0..rows {
        to.bytes[y * to.stride..][..bytes].copy_from_slice(&from.bytes[y * from.stride..][..bytes]);
    }
}

fn nearest(image: &Raster, [x, y]: [&Axis; 2], resampler: Resampler, to: ViewMut<'_>) {
    let indices = match resampler {
        Resampler::Pillow => nearest_of_pillow,
        _ => nearest_of_torch,
    };
    let columns = indices(x);
    for (made, row) in to.bytes.chunks_mut(to.stride).zip(indices(y)) {
        let row = image.view(0, row).bytes;
        for (pixel, column) in made.chunks_exact_mut(3).zip(&columns) {
            pixel.copy_from_slice(&row[column * 3..column * 3 + 3]);
        }
    }
}

/// `ImagingScaleAffine` steps along the axis by adding the scale, so that its rounding errors add up: so does this.
fn nearest_of_pillow(axis: &Axis) -> Vec<usize> {
    let scale = f64::from(axis.input as f32) / axis.output as f64;
    let mut position = scale * 0.5;
    for _ in 0..axis.first {
        position += scale;
    }
    let step = |_| {
        let index = position as usize;
        position += scale;
        index.min(axis.input - 1)
    };
    (0..axis.kept).map(step).collect()
}

/// `nearest_neighbor_compute_source_index`, in `f32`.
fn nearest_of_torch(axis: &Axis) -> Vec<usize> {
    let scale = axis.input as f32 / axis.output as f32;
    (axis.first..axis.first + axis.kept)
        .map(|index| ((index as f32 * scale) as usize).min(axis.input - 1))
        .collect()
}
