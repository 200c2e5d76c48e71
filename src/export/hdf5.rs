//! HDF5: one dataset per layer, named as it and chunked by rows; `file_names`, strings; the run as attributes of the root.

use crate::export::checks::{ensure_distinct, number_among};
use crate::export::format::Format;
use crate::export::in_place::{
    MOST_AXES, Places, allot, close, create, record_bytes, rows_a_chunk,
};
use crate::export::row_names::RowNames;
use crate::export::table::{Layer, Table};
use crate::rows::copy::{FilePosition, start_writing};
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use hdf5_metno::types::VarLenUnicode;
use hdf5_metno::{Group, Location};
use std::fs::File;
use std::os::unix::fs::FileExt;

const NAMES: &str = "file_names";
/// Names that are written at once.
const AT_ONCE: usize = 4096;
/// What a name takes beside its letters, generously.
const NAME_RECORD: u64 = 64;

pub struct Hdf5;

impl Format for Hdf5 {
    fn endings(&self) -> &'static [&'static str] {
        &["h5", "hdf5"]
    }

    fn check(&self, table: &Table) -> Result<()> {
        for layer in &table.layers {
            number_among(layer, &Number::ALL, "HDF5", "merge it to .npy")?;
            check_size(layer)?;
        }
        let layers = table.layers.iter().map(|layer| layer.name.as_str());
        ensure_distinct(layers.chain([NAMES]).map(|name| (name, name.to_owned())))?;
        table.ensure_names_are_text("HDF5")
    }

    fn file_bytes(&self, table: &Table) -> u64 {
        let names = table.names.as_ref();
        let names = names.map_or(0, |names| 2 * names.bytes + NAME_RECORD * names.count);
        table.data_bytes() + names + record_bytes(table)
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        let file = create(into, 0, self.file_bytes(table))?;
        write_facts(&file, table)?;
        let mut places = Vec::new();
        for layer in &table.layers {
            let number = layer.number().context("not a number")?;
            let rows = rows_a_chunk(layer.rows.header.row_bytes(), layer.rows.rows())?;
            let (_, place) = allot(&file, &layer.name, number, layer.shape(), 0, rows)?;
            places.push(place);
        }
        if let Some(names) = &table.names {
            write_names(&file, names)?;
        }
        close(file, into)?;
        debug_assert!(into.file().metadata()?.len() <= self.file_bytes(table));
        let layers = table.layers.iter().zip(&places);
        layers
            .into_iter()
            .try_for_each(|(layer, places)| write_rows(table, layer, places, into.file()))
    }
}

/// # Errors
/// A layer with more axes, or larger rows, than HDF5 has.
pub fn check_size(layer: &Layer) -> Result<()> {
    let (axes, name) = (layer.shape().len(), &layer.name);
    ensure!(
        axes <= MOST_AXES,
        "layer '{name}' has {axes} axes, and HDF5 no more than {MOST_AXES}; merge it to .npy"
    );
    rows_a_chunk(layer.rows.header.row_bytes(), layer.rows.rows())
        .map(|_| ())
        .with_context(|| format!("layer '{name}'"))
}

/// # Errors
/// The library refuses.
pub fn write_facts(root: &Location, table: &Table) -> Result<()> {
    for (key, value) in &table.facts {
        let value: VarLenUnicode = value.parse()?;
        root.new_attr::<VarLenUnicode>()
            .create(key.as_str())?
            .write_scalar(&value)?;
    }
    Ok(())
}

fn write_names(root: &Group, names: &RowNames) -> Result<()> {
    let dataset = root
        .new_dataset::<VarLenUnicode>()
        .obj_track_times(false)
        .shape(names.count as usize)
        .create(NAMES)?;
    let mut row = 0;
    names.for_each_chunk(AT_ONCE, |chunk| {
        let texts: Result<Vec<VarLenUnicode>, _> = chunk.iter().map(|name| name.parse()).collect();
        dataset.write_slice(&texts?, row..row + chunk.len())?;
        row += chunk.len();
        Ok(())
    })
}

fn write_rows(table: &Table, layer: &Layer, places: &Places, file: &File) -> Result<()> {
    let all = 0..layer.rows.rows();
    table.for_each_block(layer, all, places.rows_a_chunk, |rows, bytes| {
        if !bytes.is_empty() {
            let at = places.of(rows.start)?;
            file.write_all_at(bytes, at)?;
            start_writing(FilePosition(file, at), bytes.len() as u64);
        }
        Ok(())
    })
}
