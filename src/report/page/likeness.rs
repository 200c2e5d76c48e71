//! How alike rows are: a matrix and a scatter, and both as tables.

use crate::report::charts::{scatter, short};
use crate::report::layer::LayerFigures;
use crate::report::likeness::Likeness;
use crate::report::maps::coloured;
use crate::report::page::Rows;
use crate::text::figures::percent;
use anyhow::Result;

/// The greatest dissimilarity that has a colour of its own.
const UNLIKE: f64 = 2.0;

pub struct LikenessSection {
    pub matrix: String,
    pub scatter: String,
    pub explained: String,
    /// Each row, the most and the least alike of the others.
    pub cells: Vec<[String; 5]>,
    /// Each row's place in the scatter.
    pub points: Vec<[String; 3]>,
    pub every: Option<String>,
    pub rows: String,
}

impl LikenessSection {
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn of(likeness: &Likeness, found: &LayerFigures, rows: &Rows) -> Result<Self> {
        let row = |place: usize| found.compared[likeness.rows[place]];
        let colours = (0..likeness.rows.len())
            .map(|place| rows.colours.get(&row(place)).copied().unwrap_or(0));
        let matrix = &likeness.dissimilarity;
        // A few steps are enough for the eye, and make a small file.
        let steps = matrix.map(|value| (value * 24.0).round() / 24.0);
        let cells = (0..matrix.nrows()).map(|place| {
            let others = (0..matrix.ncols())
                .filter(|other| *other != place && matrix[(place, *other)].is_finite());
            let by = |a: &usize, b: &usize| matrix[(place, *a)].total_cmp(&matrix[(place, *b)]);
            let words = |other: Option<usize>| match other {
                Some(other) => [
                    row(other).to_string(),
                    format!("{:.4}", matrix[(place, other)]),
                ],
                None => [String::new(), String::new()],
            };
            let [most, least] = [words(others.clone().min_by(by)), words(others.max_by(by))];
            let ([a, b], [c, d]) = (most, least);
            [row(place).to_string(), a, b, c, d]
        });
        let points = likeness.components.iter().enumerate();
        let points = points.map(|(place, [x, y])| [row(place).to_string(), short(x), short(y)]);
        let share = |axis: usize| percent(likeness.explained[axis]);
        let numbers: Vec<String> = (0..likeness.rows.len())
            .map(|place| row(place).to_string())
            .collect();
        Ok(Self {
            matrix: coloured(&steps, 0.0, UNLIKE.min(steps.max())),
            scatter: scatter(
                "First two principal components",
                &likeness.components,
                &colours.collect::<Vec<_>>(),
            )?,
            points: points.collect(),
            explained: format!("{} and {} of the variance", share(0), share(1)),
            cells: cells.collect(),
            every: (found.every > 1).then(|| {
                format!(
                    "Rows are compared by one in {} of their numbers.",
                    found.every
                )
            }),
            rows: numbers.join(" "),
        })
    }
}
