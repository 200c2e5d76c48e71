//! The page: what was found, in words and charts, poured into `report.html`.

use crate::report::charts::{COLOURS, Digits, bars, lines, scatter, short};
use crate::report::layer::LayerFigures;
use crate::report::likeness::Likeness;
use crate::report::maps::coloured;
use crate::report::pictures::{Picture, Pictures};
use crate::report::timeline::Timeline;
use crate::rows::statistics::Value;
use crate::run::busy::{Busy, STAGES};
use crate::text::figures::{bytes, count, counted, duration, percent};
use anyhow::Result;
use askama::Template;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The greatest dissimilarity that has a colour of its own.
const UNLIKE: f64 = 2.0;

#[derive(Template)]
#[template(path = "report.html", config = "src/report/askama.toml")]
pub struct Page {
    pub title: String,
    /// One line each: what is done, and what is wrong.
    pub verdict: Vec<Verdict>,
    pub run: Vec<(String, String)>,
    pub layers: Vec<Vec<String>>,
    pub shards: Vec<String>,
    pub skipped: Vec<[String; 3]>,
    pub skipped_count: String,
    /// Not all of them have a line.
    pub skipped_more: bool,
    pub bound: Option<BoundPart>,
    pub timeline: Option<TimelinePart>,
    pub details: Vec<LayerPart>,
    /// Layers that have a line alone.
    pub brief: usize,
    pub symbols: Vec<Symbol>,
    /// Why no photo is shown.
    pub no_pictures: Option<String>,
    pub rows: Vec<NamedRow>,
    pub folders: Vec<(String, String)>,
    pub made: String,
}

pub struct Verdict {
    pub is_good: bool,
    pub words: String,
}

/// A picture that is used where it is needed.
pub struct Symbol {
    pub id: String,
    pub uri: String,
}

/// A row that is compared.
pub struct NamedRow {
    pub row: u64,
    pub name: String,
}

pub struct Chart {
    pub title: &'static str,
    pub svg: String,
    pub keys: Vec<(String, &'static str)>,
    pub heads: Vec<&'static str>,
    pub cells: Vec<Vec<String>>,
}

/// What bounded the run.
pub struct BoundPart {
    pub words: String,
    pub advice: &'static str,
    /// Stage, seconds busy, share of its threads' time, and that in percent as a number.
    pub stages: Vec<(&'static str, String, String, u32)>,
}

impl BoundPart {
    /// `device`: that of `run.toml`.
    pub fn of(busy: Busy, device: Option<&str>) -> Self {
        let names = [
            "reading images",
            "decoding images",
            "forward pass",
            "writing rows",
        ];
        let stages = STAGES.into_iter().zip(names).map(|(stage, name)| {
            let (seconds, share) = (busy.of(stage), busy.share(stage).min(1.0));
            (name, time(&seconds), percent(share), (share * 100.0) as u32)
        });
        Self {
            words: busy.words(),
            advice: busy.advice(device),
            stages: stages.collect(),
        }
    }
}

pub struct TimelinePart {
    pub words: String,
    pub charts: Vec<Chart>,
}

pub struct LayerPart {
    pub name: String,
    pub shape: String,
    /// What is wrong with it, or that there is nothing to show.
    pub note: Option<String>,
    pub figures: Vec<(&'static str, String)>,
    pub histogram: Option<Chart>,
    pub likeness: Option<LikenessPart>,
    pub shown: Vec<ShownRow>,
}

pub struct LikenessPart {
    pub matrix: String,
    pub scatter: String,
    pub explained: String,
    /// Each row, the most and the least alike of the others.
    pub cells: Vec<[String; 5]>,
    pub every: Option<String>,
    pub rows: String,
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

impl Page {
    pub fn style(&self) -> &'static str {
        include_str!("report.css")
    }

    pub fn script(&self) -> &'static str {
        include_str!("report.js")
    }
}

/// How rows are called and pictured all over the page.
pub struct Rows<'a> {
    pub names: &'a BTreeMap<u64, String>,
    pub pictures: &'a Pictures,
    /// The number of the colour of each row's folder.
    pub colours: &'a BTreeMap<u64, usize>,
}

impl Rows<'_> {
    pub fn name(&self, row: u64) -> String {
        self.names
            .get(&row)
            .cloned()
            .unwrap_or_else(|| format!("row {row}"))
    }

    fn small(&self, row: u64) -> Option<String> {
        self.pictures.small(row).map(|_| format!("s{row}"))
    }

    fn large(&self, row: u64) -> (Option<String>, Option<String>) {
        match self.pictures.found.get(&row) {
            Some(Picture::Shown { large: Some(_), .. }) => (Some(format!("p{row}")), None),
            Some(Picture::Shown { .. }) => (self.small(row), None),
            Some(Picture::Broken(why)) => (None, Some(why.clone())),
            None => (None, None),
        }
    }
}

impl TimelinePart {
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn of(timeline: &Timeline, batch: u64) -> Result<Self> {
        let steps = &timeline.steps;
        let line = |of: fn(&crate::report::timeline::Step) -> f64| -> Vec<(f64, f64)> {
            steps.iter().map(|step| (step.seconds, of(step))).collect()
        };
        let cells = |of: &dyn Fn(&crate::report::timeline::Step) -> Vec<String>| {
            let some = steps.iter().step_by(steps.len().div_ceil(40).max(1));
            let rows = some.map(|step| [vec![time(&step.seconds)], of(step)].concat());
            rows.collect::<Vec<_>>()
        };
        let rows = |step: &crate::report::timeline::Step| step.part.saturating_mul(batch);
        let parts: Vec<(f64, f64)> = steps
            .iter()
            .map(|step| (step.seconds, rows(step) as f64))
            .collect();
        let charts = vec![
            Chart {
                title: "Memory",
                svg: lines(
                    "Resident memory over time, beside the budget",
                    &[
                        line(|step| step.rss as f64),
                        line(|step| step.budget as f64),
                    ],
                    time,
                    size,
                )?,
                keys: vec![("in use".to_owned(), key(0)), ("budget".to_owned(), key(1))],
                heads: vec!["time", "in use", "budget"],
                cells: cells(&|step| vec![bytes(step.rss), bytes(step.budget)]),
            },
            Chart {
                title: "Images a second",
                svg: lines(
                    "Images a second over time",
                    &[line(|step| step.images_per_second)],
                    time,
                    short,
                )?,
                keys: Vec::new(),
                heads: vec!["time", "images a second"],
                cells: cells(&|step| vec![short(&step.images_per_second)]),
            },
            Chart {
                title: "Rows a part",
                svg: lines("Rows a part over time", &[parts], time, short)?,
                keys: Vec::new(),
                heads: vec!["time", "rows a part"],
                cells: cells(&|step| vec![count(rows(step))]),
            },
        ];
        let share = timeline.greatest_rss as f64 / timeline.budget.max(1) as f64;
        Ok(Self {
            words: format!(
                "{} took {} of {} at most ({}). A process that went on with a run follows the one before it at once; of shards, memory is that of the one that had most, and paces add up.",
                counted(timeline.processes, "process"),
                bytes(timeline.greatest_rss),
                bytes(timeline.budget),
                percent(share)
            ),
            charts,
        })
    }
}

impl LayerPart {
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn of(name: &str, shape: String, found: &LayerFigures, rows: &Rows) -> Result<Self> {
        let likeness = found.likeness.as_ref();
        let likeness = likeness.map(|likeness| LikenessPart::of(likeness, found, rows));
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

impl LikenessPart {
    fn of(likeness: &Likeness, found: &LayerFigures, rows: &Rows) -> Result<Self> {
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

/// The folders of rows: their colours, and a colour a row. Beyond those that have a colour of their own all are one.
pub fn folders(names: &BTreeMap<u64, String>) -> (Vec<(String, String)>, BTreeMap<u64, usize>) {
    let folder = |name: &str| {
        name.rsplit_once('/').map_or(String::new(), |(folder, _)| {
            folder.split('/').next().unwrap_or_default().to_owned()
        })
    };
    let all: BTreeSet<String> = names.values().map(|name| folder(name)).collect();
    let place: BTreeMap<&String, usize> = all
        .iter()
        .zip((0..COLOURS.len()).chain(std::iter::repeat(COLOURS.len() - 1)))
        .collect();
    let colours = names
        .iter()
        .map(|(row, name)| (*row, place[&folder(name)]))
        .collect();
    let mut legend: Vec<(String, String)> = Vec::new();
    if all.len() > 1 {
        let shown = all.iter().take(COLOURS.len()).enumerate();
        legend.extend(shown.map(|(at, name)| {
            (
                if name.is_empty() {
                    "no folder".to_owned()
                } else {
                    name.clone()
                },
                key(at).to_owned(),
            )
        }));
        if all.len() > COLOURS.len()
            && let Some(last) = legend.last_mut()
        {
            last.0 = format!("{} others", all.len() - COLOURS.len() + 1);
        }
    }
    (legend, colours)
}

/// A colour's name in `report.css`.
fn key(at: usize) -> &'static str {
    ["c0", "c1", "c2", "c3", "c4", "c5"][at]
}

fn time(seconds: &f64) -> String {
    duration(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn size(value: &f64) -> String {
    bytes(*value as u64)
}

fn power(value: &f64) -> String {
    count(value.round() as u64)
}
