//! A layer: its figures, its histogram, some of its rows.

use crate::report::charts::{Digits, bars, short};
use crate::report::layer::LayerFigures;
use crate::report::page::likeness::LikenessSection;
use crate::report::page::{Chart, Rows};
use crate::rows::statistics::Value;
use crate::text::figures::{count, percent};
use anyhow::Result;

pub struct LayerSection {
    pub name: String,
    pub shape: String,
    /// What is wrong with it, or that there is nothing to show.
    pub note: Option<String>,
    pub figures: Vec<(&'static str, String)>,
    pub histogram: Option<Chart>,
    pub likeness: Option<LikenessSection>,
    pub shown: Vec<ShownRow>,
}

pub struct ShownRow {
    pub row: u64,
    pub name: String,
    pub picture: Option<String>,
    /// Why there is no picture.
    pub broken: Option<String>,
    pub map: Option<(String, String)>,
    pub nearest: Vec<NearRow>,
}

pub struct NearRow {
    pub row: u64,
    pub name: String,
    pub r: String,
    pub picture: Option<String>,
}

impl LayerSection {
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn of(name: &str, shape: String, found: &LayerFigures, rows: &Rows) -> Result<Self> {
        let likeness = found.likeness.as_ref();
        let likeness = likeness.map(|likeness| LikenessSection::of(likeness, found, rows));
        let shown = found.nearest.iter().map(|(row, near)| {
            let (picture, broken) = rows.large(*row);
            ShownRow {
                row: *row,
                name: rows.name(*row),
                picture,
                broken,
                map: found.maps.get(row).map(|map| {
                    let words = format!(
                        "channel {}, mean {}, greatest {}",
                        map.channel,
                        short(&map.mean),
                        short(&map.greatest)
                    );
                    (map.uri.clone(), words)
                }),
                nearest: near
                    .iter()
                    .map(|near| NearRow {
                        row: near.row,
                        name: rows.name(near.row),
                        r: format!("{:.3}", near.r),
                        picture: rows.small(near.row),
                    })
                    .collect(),
            }
        });
        Ok(Self {
            name: name.to_owned(),
            shape,
            note: None,
            figures: figures(found, rows),
            histogram: histogram(found)?,
            likeness: likeness.transpose()?,
            shown: shown.collect(),
        })
    }

    /// A layer of which nothing can be shown.
    pub fn without(name: &str, shape: String, note: String) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            note: Some(note),
            figures: Vec::new(),
            histogram: None,
            likeness: None,
            shown: Vec::new(),
        }
    }
}

/// With as many digits as tell two numbers apart: two f32, where the layer's are such.
fn exact(value: Value, is_single: bool) -> String {
    match value {
        Value::Real(value) if is_single => shortest(value as f32),
        Value::Real(value) => shortest(value),
        Value::Int(value) => value.to_string(),
        Value::Complex(..) => String::new(),
    }
}

/// The shortest form of a number that reads back, in powers of ten where it is very large or small.
fn shortest(number: impl std::fmt::Debug) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn figures(found: &LayerFigures, rows: &Rows) -> Vec<(&'static str, String)> {
    let tallied = &found.tallied;
    let all = tallied.rows * tallied.units;
    let of = |part: u64, whole: u64| match (part, whole) {
        (0, _) => "none".to_owned(),
        _ => format!(
            "{} of {} ({})",
            count(part),
            count(whole),
            percent(part as f64 / whole as f64)
        ),
    };
    let named = |rows_of: &[u64]| {
        let names = rows_of
            .iter()
            .map(|row| format!("{row} ({})", rows.name(*row)));
        names.collect::<Vec<_>>().join(", ")
    };
    let exact = |value: Value| exact(value, tallied.is_single);
    let mut figures = vec![("rows", count(tallied.rows))];
    if let Some(finite) = tallied.stats.finite {
        figures.extend([
            ("mean", exact(finite.mean)),
            ("standard deviation", exact(Value::Real(finite.std))),
            ("least", exact(finite.min)),
            ("greatest", exact(finite.max)),
        ]);
    }
    figures.extend([
        ("zeros", of(tallied.zeros, all)),
        ("infinite values", of(tallied.stats.infinite, all)),
        (
            "units that are 0 in every row",
            of(tallied.dead, tallied.units),
        ),
        (
            "units of one other value in every row",
            of(tallied.constant, tallied.units),
        ),
        ("rows with NaN", of(tallied.nan_rows, tallied.rows)),
    ]);
    if tallied.nan_rows > 0 {
        figures.push(("of these", named(&tallied.nan_named)));
    }
    let twins = &tallied.twins;
    let sampled = match twins.one_in {
        1 => String::new(),
        many => format!(", among one in {many} of the rows that differ"),
    };
    figures.push((
        "rows equal to an earlier one",
        of(twins.again, twins.looked_at) + &sampled,
    ));
    for group in twins.largest.iter().take(5) {
        figures.push(("equal rows", named(&group[..group.len().min(5)])));
    }
    figures
}

fn histogram(found: &LayerFigures) -> Result<Option<Chart>> {
    // Extremes may be so far apart that f64 has no number for their distance.
    let is_finite = |edges: &[f64]| edges.iter().all(|edge| edge.is_finite());
    let histogram = found.histogram.as_ref();
    let Some(histogram) = histogram.filter(|histogram| is_finite(&histogram.edges)) else {
        return Ok(None);
    };
    let (edges, steps) = (&histogram.edges, histogram.counts.len());
    let digits = Digits::between(edges[0], edges[steps], steps);
    let edge = |at: usize| digits.words(edges[at]);
    let cells = histogram.counts.iter().enumerate();
    Ok(Some(Chart {
        title: "Values",
        svg: bars(
            "Histogram of values, counts in powers of ten",
            &histogram.edges,
            &histogram.counts,
            power,
        )?,
        keys: Vec::new(),
        heads: vec!["from", "to", "values"],
        cells: cells
            .map(|(at, &n)| vec![edge(at), edge(at + 1), count(n)])
            .collect(),
    }))
}

fn power(value: &f64) -> String {
    count(value.round() as u64)
}
