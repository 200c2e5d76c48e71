//! The page: what was found, in words and charts, poured into `report.html`.

mod bound;
mod layer;
mod likeness;
mod timeline;

use crate::report::charts::COLOURS;
use crate::report::pictures::{Picture, Pictures};
use crate::text::figures::{bytes, duration};
use askama::Template;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use bound::BoundSection;
pub use layer::LayerSection;
pub use timeline::TimelineSection;

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
    /// True if not all skipped images have a line.
    pub skipped_more: bool,
    pub bound: Option<BoundSection>,
    pub timeline: Option<TimelineSection>,
    pub details: Vec<LayerSection>,
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

impl Page {
    pub fn style(&self) -> &'static str {
        include_str!("../report.css")
    }

    pub fn script(&self) -> &'static str {
        include_str!("../report.js")
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
