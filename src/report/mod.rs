//! The page of a run: one file of HTML with everything in it.
//!
//! `sealed rows → figures of a layer (tally, histogram, likeness, nearest, maps) → page`; beside them the pace of the run
//! (timeline) and some of its images (pictures). Memory grows with the length of a row and with the layers, not with the
//! number of rows.

mod charts;
mod data_uri;
mod histogram;
mod layer;
mod likeness;
mod maps;
mod names;
mod nearest;
mod page;
mod pictures;
mod row_choice;
mod skipped_images;
mod tally;
mod tally_figures;
mod timeline;
mod twins;

use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::row_set::RowSet;
use crate::rows::sealed_rows::SealedRows;
use crate::run::busy::Busy;
use crate::run::record::Run;
use crate::text::figures::{bytes, count, counted, row_shape};
use crate::text::progress::{Progress, Unit};
use anyhow::Result;
use askama::Template;
use layer::LayerFigures;
use page::{BoundSection, LayerSection, NamedRow, Page, Rows, Symbol, TimelineSection, Verdict};
use pictures::{Picture, Pictures, Place};
use row_choice::RowChoice;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Neighbours of a row that are pictured.
const PICTURED: usize = 3;

/// What the page is about.
pub struct Subject<'a> {
    pub directory: &'a Path,
    pub run: Option<&'a Run>,
    pub layers: Vec<Layer<'a>>,
    /// `file_names.txt`.
    pub names: Option<PathBuf>,
    /// Where images are, as typed.
    pub images: &'a [PathBuf],
    pub quiet: bool,
    pub words: Words,
}

pub struct Layer<'a> {
    pub name: &'a str,
    pub folder: &'a LayerFolder,
    pub done: RowSet,
    /// Rows that are missing.
    pub missing: u64,
    pub problems: Vec<String>,
}

/// What `featx inspect` says of the run too.
pub struct Words {
    pub run: Vec<(String, String)>,
    /// A line a layer.
    pub layers: Vec<Vec<String>>,
    pub shards: Vec<String>,
    /// What `--verify` found, and whether that was damage.
    pub verified: Option<String>,
    pub is_damaged: bool,
}

/// The text of the page.
///
/// # Errors
/// A file of the run that cannot be read or is damaged.
pub fn page(subject: Subject) -> Result<String> {
    let full = row_choice::layers_in_full(subject.layers.len());
    let in_full: Vec<&Layer> = (0..)
        .zip(&subject.layers)
        .filter(|(at, _)| full.contains(at))
        .map(|(_, layer)| layer)
        .collect();
    let with_rows = in_full.iter().filter(|layer| !layer.done.is_empty());
    let done = with_rows.map(|layer| layer.done.clone());
    let done = done.reduce(|a, b| a.intersection(&b)).unwrap_or_default();
    let chosen = RowChoice::of(&done, in_full.len());
    let found = look_at(&in_full, &chosen, subject.quiet);
    let wanted = wanted_rows(&found, &chosen);
    let names = match &subject.names {
        Some(file) if file.is_file() => names::of_rows(file, &wanted.named)?,
        _ => BTreeMap::new(),
    };
    let pictures = pictures(&subject, &names, &wanted, &chosen);
    let shown_names: BTreeMap<u64, String> = names
        .iter()
        .map(|(row, name)| (*row, name.to_string_lossy().into_owned()))
        .collect();
    let (folders, colours) = page::folders(&shown_names);
    let shown_names = shown_names.into_iter();
    let shown_names = shown_names
        .map(|(row, name)| (row, shortened(name)))
        .collect();
    let rows = Rows {
        names: &shown_names,
        pictures: &pictures,
        colours: &colours,
    };
    let looked_at = in_full.iter().zip(&found);
    let details = looked_at.map(|(layer, found)| section(layer, found, &rows));
    let skipped = skipped_images::read(subject.directory);
    let timeline =
        timeline::Timeline::read(subject.directory, subject.run.map(|run| run.batch_size))?;
    let batch = subject.run.map_or(1, |run| run.batch_size);
    let page = Page {
        title: format!("featx: {}", subject.directory.display()),
        verdict: verdict(&subject, &skipped),
        details: details.collect::<Result<_>>()?,
        brief: subject.layers.len() - in_full.len(),
        symbols: symbols(&pictures),
        rows: chosen
            .compared
            .iter()
            .map(|&row| NamedRow {
                row,
                name: rows.name(row),
            })
            .collect(),
        timeline: timeline
            .map(|timeline| TimelineSection::of(&timeline, batch))
            .transpose()?,
        bound: Busy::read_all(subject.directory)?
            .map(|busy| BoundSection::of(busy, subject.run.and_then(|run| run.device.as_deref()))),
        skipped_count: counted(skipped.count, "image"),
        skipped_more: skipped.count > skipped.first.len() as u64,
        skipped: skipped.first,
        no_pictures: pictures.missing.clone(),
        run: subject.words.run,
        layers: subject.words.layers,
        shards: subject.words.shards,
        folders,
        made: format!("Made by featx {}.", env!("CARGO_PKG_VERSION")),
    };
    Ok(page.render()?)
}

/// A name in the middle of which something is left out, where it is long: it stands in many places of the page.
fn shortened(name: String) -> String {
    const SIDE: usize = 40;
    let ends: Vec<usize> = name.char_indices().map(|(at, _)| at).collect();
    match ends.len() > 2 * SIDE {
        true => format!(
            "{}…{}",
            &name[..ends[SIDE]],
            &name[ends[ends.len() - SIDE]..]
        ),
        false => name,
    }
}

/// What was found of a layer, or why nothing was.
type Outcome = Result<LayerFigures, String>;

fn look_at(layers: &[&Layer], chosen: &RowChoice, quiet: bool) -> Vec<Outcome> {
    let sealed = |layer: &&Layer| SealedRows::present(layer.folder);
    let sealed: Vec<Result<Option<SealedRows>>> = layers.iter().map(sealed).collect();
    let readable = sealed.iter().flatten().flatten();
    let total = readable.map(layer::bytes_to_read).sum();
    let progress = Progress::new("report", Unit::Bytes, total, quiet);
    let mut found = Vec::new();
    for (sealed, layer) in sealed.into_iter().zip(layers) {
        found.push(match sealed {
            Err(error) => Err(format!("{error:#}")),
            Ok(None) => Err("no row is done".to_owned()),
            Ok(Some(sealed)) => looked_at(layer, &sealed, chosen, &progress),
        });
    }
    progress.finish();
    found
}

fn looked_at(
    layer: &Layer,
    sealed: &SealedRows,
    chosen: &RowChoice,
    progress: &Progress,
) -> Outcome {
    let looked = layer::look(sealed, chosen, progress).map_err(|error| format!("{error:#}"))?;
    looked.ok_or_else(|| match sealed.header.row_bytes() {
        0 => format!("rows of {} have no numbers", layer.name),
        _ => format!(
            "rows of {} are not looked at: they are no real numbers",
            layer.name
        ),
    })
}

/// Rows that the page names, and those of them that are pictured, the most wanted first.
struct WantedRows {
    named: BTreeSet<u64>,
    pictured: Vec<u64>,
}

fn wanted_rows(found: &[Outcome], chosen: &RowChoice) -> WantedRows {
    let mut wanted = WantedRows {
        named: chosen.compared.iter().copied().collect(),
        pictured: [&chosen.shown[..], &chosen.compared[..]].concat(),
    };
    for found in found.iter().flatten() {
        wanted.named.extend(&found.tallied.nan_named);
        wanted
            .named
            .extend(found.tallied.twins.largest.iter().flatten());
        for (_, near) in &found.nearest {
            wanted.named.extend(near.iter().map(|near| near.row));
            wanted
                .pictured
                .extend(near.iter().take(PICTURED).map(|near| near.row));
        }
    }
    wanted
}

fn pictures(
    subject: &Subject,
    names: &BTreeMap<u64, PathBuf>,
    wanted: &WantedRows,
    chosen: &RowChoice,
) -> Pictures {
    let Some(run) = subject.run else {
        return Pictures {
            missing: Some("there is no run.toml, which says how they were preprocessed".to_owned()),
            ..Pictures::default()
        };
    };
    let place = Place {
        directory: subject.directory,
        run,
        images: subject.images,
    };
    Pictures::of(
        &place,
        names,
        &wanted.pictured,
        &chosen.shown.iter().copied().collect(),
    )
}

fn section(layer: &Layer, found: &Outcome, rows: &Rows) -> Result<LayerSection> {
    match found {
        Ok(found) => {
            let header = layer.folder.header();
            let shape = header.map_or(String::new(), |header| row_shape(header.row_shape()));
            let mut section = LayerSection::of(layer.name, shape, found, rows)?;
            section.note = (!layer.problems.is_empty()).then(|| few(&layer.problems).join("; "));
            Ok(section)
        }
        Err(why) => Ok(LayerSection::without(
            layer.name,
            String::new(),
            why.clone(),
        )),
    }
}

fn symbols(pictures: &Pictures) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (row, picture) in &pictures.found {
        if let Picture::Shown { small, large } = picture {
            symbols.push(Symbol {
                id: format!("s{row}"),
                uri: small.clone(),
            });
            symbols.extend(large.clone().map(|uri| Symbol {
                id: format!("p{row}"),
                uri,
            }));
        }
    }
    symbols
}

fn verdict(subject: &Subject, skipped: &skipped_images::SkippedImages) -> Vec<Verdict> {
    let good = |words| Verdict {
        is_good: true,
        words,
    };
    let bad = |words| Verdict {
        is_good: false,
        words,
    };
    let layers = counted(subject.layers.len() as u64, "layer");
    let lacking: Vec<&Layer> = subject
        .layers
        .iter()
        .filter(|layer| layer.missing > 0)
        .collect();
    let rows = subject
        .layers
        .iter()
        .map(|layer| layer.done.len() + layer.missing)
        .max();
    let mut lines = vec![match lacking.iter().map(|layer| layer.missing).max() {
        None => good(format!(
            "All {} rows of {layers} are done.",
            count(rows.unwrap_or_default())
        )),
        Some(missing) => bad(format!(
            "{} of {layers} lack rows, up to {} of {}.",
            count(lacking.len() as u64),
            count(missing),
            count(rows.unwrap_or_default())
        )),
    }];
    let problems = subject.layers.iter().flat_map(|layer| few(&layer.problems));
    lines.extend(few(&problems.collect::<Vec<_>>()).into_iter().map(bad));
    lines.extend(
        subject
            .words
            .verified
            .iter()
            .flat_map(|words| words.lines())
            .map(|line| match subject.words.is_damaged {
                true => bad(line.to_owned()),
                false => good(line.to_owned()),
            }),
    );
    lines.extend(skipped.problem.clone().map(bad));
    lines.push(match skipped.count {
        0 => good("No image was skipped.".to_owned()),
        some => bad(format!("{} skipped: rows of NaN.", counted(some, "image"))),
    });
    let size: u64 = subject
        .layers
        .iter()
        .map(|layer| layer.done.len() * layer.folder.header().map_or(0, Header::row_bytes))
        .sum();
    lines.push(good(format!("{} of rows.", bytes(size))));
    lines
}

/// The first lines, and how many more there are.
fn few(lines: &[String]) -> Vec<String> {
    const MOST: usize = 12;
    let mut few = lines[..lines.len().min(MOST)].to_vec();
    if lines.len() > MOST {
        few.push(format!("and {} more", count((lines.len() - MOST) as u64)));
    }
    few
}
