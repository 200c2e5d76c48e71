//! MATLAB 7.3, which is HDF5 after a header of 512 bytes: one variable per layer, `file_names`, a cell array of char,
//! and `run`, what was run as text.
//!
//! MATLAB's first axis varies fastest, so an array of NumPy's shape (N, C, H, W) is stored with its axes in the opposite
//! order, the numbers of one place beside each other for all rows: then `size` reads as NumPy's `shape`. That
//! transposes the whole array. It is done chunk by chunk, of some rows each, so it takes the memory of one chunk.
//! Source: the MAT-file of `save -v7.3`, as `hdf5storage` documents and writes it.

use crate::export::checks::{ensure_distinct, number_among};
use crate::export::format::Format;
use crate::export::hdf5::{check_size, write_facts};
use crate::export::in_place::{
    MOST_AXES, Places, allot, close, create, record_bytes, rows_a_chunk,
};
use crate::export::row_names::RowNames;
use crate::export::table::{Layer, Table};
use crate::rows::copy::{FilePosition, start_writing};
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use hdf5_metno::types::{FixedAscii, TypeDescriptor};
use hdf5_metno::{Dataset, Group, Location, ObjectReference1};
use std::fs::File;
use std::os::unix::fs::FileExt;

const NAMES: &str = "file_names";
const RUN: &str = "run";
/// Where MATLAB keeps what cells hold.
const REFERENCES: &str = "#refs#";
const HEADER: usize = 512;
/// `namelengthmax`
const LONGEST_NAME: usize = 63;
/// Names that are written at once.
const AT_ONCE: usize = 4096;
/// What a name takes beside its letters: it is a dataset with two attributes.
const NAME_RECORD: u64 = 1024;
/// MATLAB has no half precision in its files.
const HELD: [Number; 11] = [
    Number::Bool,
    Number::I8,
    Number::I16,
    Number::I32,
    Number::I64,
    Number::U8,
    Number::U16,
    Number::U32,
    Number::U64,
    Number::F32,
    Number::F64,
];
/// What no variable can be called: MATLAB's `iskeyword`.
const KEYWORDS: [&str; 20] = [
    "break",
    "case",
    "catch",
    "classdef",
    "continue",
    "else",
    "elseif",
    "end",
    "for",
    "function",
    "global",
    "if",
    "otherwise",
    "parfor",
    "persistent",
    "return",
    "spmd",
    "switch",
    "try",
    "while",
];

pub struct Mat;

impl Format for Mat {
    fn endings(&self) -> &'static [&'static str] {
        &["mat"]
    }

    fn check(&self, table: &Table) -> Result<()> {
        for layer in &table.layers {
            let cure = "extract with --dtype f32, or export to .h5 or .npy";
            number_among(layer, &HELD, "MATLAB", cure)?;
            check_size(layer)?;
            ensure!(
                layer.shape().len() < MOST_AXES && !layer.shape().contains(&0),
                "layer '{}' has shape {:?}, which a .mat file cannot hold; merge it to .npy",
                layer.name,
                layer.shape()
            );
        }
        let layers = table.layers.iter().map(|layer| layer.name.as_str());
        let names = layers.chain([NAMES, RUN]);
        ensure_distinct(names.map(|name| (name, variable(name))))?;
        table.ensure_names_are_text("MATLAB")
    }

    fn file_bytes(&self, table: &Table) -> u64 {
        let names = table.names.as_ref();
        let names = names.map_or(0, |names| 2 * names.bytes + NAME_RECORD * names.count);
        table.data_bytes() + names + record_bytes(table)
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        let file = create(into, HEADER as u64, self.file_bytes(table))?;
        write_facts(&file, table)?;
        let mut places = Vec::new();
        for layer in &table.layers {
            places.push(allot_variable(&file, layer)?);
        }
        if let Some(names) = &table.names {
            write_names(&file, names)?;
        }
        let facts: Vec<_> = table
            .facts
            .iter()
            .map(|(k, v)| format!("{k} = {v}\n"))
            .collect();
        if !facts.is_empty() {
            write_text(&file, RUN, &facts.concat())?;
        }
        close(file, into)?;
        debug_assert!(into.file().metadata()?.len() <= self.file_bytes(table));
        into.file().write_all_at(&header(), 0)?;
        let mut layers = table.layers.iter().zip(&places);
        layers.try_for_each(|(layer, places)| write_rows(table, layer, places, into.file()))
    }
}

/// A layer's name as MATLAB's `matlab.lang.makeValidName` would have it: `features_30`.
fn variable(layer: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = layer.chars().map(plain).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || KEYWORDS.contains(&name.as_str()) {
        name.insert(0, 'x');
    }
    name.truncate(LONGEST_NAME);
    name
}

fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let text = concat!(
        "MATLAB 7.3 MAT-file, Platform: GLNXA64, Created by: featx ",
        env!("CARGO_PKG_VERSION"),
        " HDF5 schema 1.00 ."
    );
    header[..116].fill(b' ');
    header[..text.len()].copy_from_slice(text.as_bytes());
    header[124..128].copy_from_slice(b"\x00\x02IM");
    header
}

fn class_of(number: Number) -> &'static str {
    match number {
        Number::Bool => "logical",
        Number::I8 => "int8",
        Number::I16 => "int16",
        Number::I32 => "int32",
        Number::I64 => "int64",
        Number::U8 => "uint8",
        Number::U16 => "uint16",
        Number::U32 => "uint32",
        Number::U64 => "uint64",
        Number::F16 | Number::F32 => "single",
        Number::F64 => "double",
    }
}

fn set_class(object: &Location, class: &str) -> Result<()> {
    let attribute = object
        .new_attr_builder()
        .empty_as(TypeDescriptor::FixedAscii(class.len()))
        .create("MATLAB_class")?;
    Ok(attribute.write_scalar(&FixedAscii::<16>::from_ascii(class.as_bytes())?)?)
}

/// Says that these whole numbers stand for something else: 1 truth, 2 letters.
fn set_decode(object: &Location, decode: i32) -> Result<()> {
    let attribute = object.new_attr::<i32>().create("MATLAB_int_decode")?;
    Ok(attribute.write_scalar(&decode)?)
}

fn allot_variable(root: &Group, layer: &Layer) -> Result<Places> {
    let number = layer.number().context("not a number")?;
    let rows = rows_a_chunk(layer.rows.header.row_bytes(), layer.rows.rows())?;
    let mut shape: Vec<u64> = layer.shape().iter().rev().copied().collect();
    if shape.len() == 1 {
        // MATLAB's arrays have two axes at least: N rows of one number.
        shape.insert(0, 1);
    }
    let stored = if number == Number::Bool {
        Number::U8
    } else {
        number
    };
    let axis = shape.len() - 1;
    let (dataset, places) = allot(root, &variable(&layer.name), stored, &shape, axis, rows)?;
    set_class(&dataset, class_of(number))?;
    if number == Number::Bool {
        set_decode(&dataset, 1)?;
    }
    Ok(places)
}

fn write_text(group: &Group, name: &str, text: &str) -> Result<Dataset> {
    let letters: Vec<u16> = text.encode_utf16().collect();
    let dataset = group
        .new_dataset::<u16>()
        .obj_track_times(false)
        .shape((letters.len(), 1))
        .create(name)?;
    dataset.write_raw(&letters)?;
    set_class(&dataset, "char")?;
    set_decode(&dataset, 2)?;
    Ok(dataset)
}

fn write_names(root: &Group, names: &RowNames) -> Result<()> {
    let cells = root
        .new_dataset::<ObjectReference1>()
        .obj_track_times(false)
        .shape((1, names.count as usize))
        .create(NAMES)?;
    set_class(&cells, "cell")?;
    let group = root.create_group_builder();
    let group = group.obj_track_times(false).create(REFERENCES)?; // the same rows give the same file
    let mut row = 0;
    names.for_each_chunk(AT_ONCE, |chunk| {
        let mut references = Vec::with_capacity(chunk.len());
        for (index, name) in chunk.iter().enumerate() {
            let key = format!("n{}", row + index);
            write_text(&group, &key, name)?;
            references.push(group.reference::<ObjectReference1>(&key)?);
        }
        cells.write_slice(&references, (0, row..row + chunk.len()))?;
        row += chunk.len();
        Ok(())
    })
}

fn write_rows(table: &Table, layer: &Layer, places: &Places, file: &File) -> Result<()> {
    let row_bytes = layer.rows.header.row_bytes() as usize;
    let mut turned = vec![0; places.rows_a_chunk as usize * row_bytes];
    let all = 0..layer.rows.rows();
    table.for_each_block(layer, all, places.rows_a_chunk, |rows, bytes| {
        let size = layer.number().map(Number::size);
        match size {
            Some(1) => turn::<1>(layer, bytes, &mut turned),
            Some(2) => turn::<2>(layer, bytes, &mut turned),
            Some(4) => turn::<4>(layer, bytes, &mut turned),
            _ => turn::<8>(layer, bytes, &mut turned),
        }
        let at = places.of(rows.start)?;
        file.write_all_at(&turned, at)?;
        start_writing(FilePosition(file, at), turned.len() as u64);
        Ok(())
    })
}

/// Turns rows of shape (C, H, W), one after the other, into an array of shape (W, H, C, rows) that has room for as many
/// rows as a chunk; nobody reads what the last chunk has beyond its rows.
fn turn<const SIZE: usize>(layer: &Layer, rows: &[u8], turned: &mut [u8]) {
    let axes = layer.rows.header.row_shape();
    let width = layer.width() as usize;
    let (rows, _) = rows.as_chunks::<SIZE>();
    let (turned, _) = turned.as_chunks_mut::<SIZE>();
    let room = turned.len() / width;
    let mut place = vec![0; axes.len()];
    let mut from = 0;
    for numbers in turned.chunks_exact_mut(room) {
        let column = rows[from..].iter().step_by(width);
        for (number, value) in numbers.iter_mut().zip(column) {
            *number = *value;
        }
        from = next_place(&mut place, axes, from);
    }
}

/// The place in a row, in C order, of what follows in Fortran order: the first axis is counted up first.
fn next_place(place: &mut [u64], axes: &[u64], mut from: usize) -> usize {
    for axis in 0..axes.len() {
        let stride: u64 = axes[axis + 1..].iter().product();
        place[axis] += 1;
        from += stride as usize;
        if place[axis] < axes[axis] {
            break;
        }
        from -= (place[axis] * stride) as usize;
        place[axis] = 0;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables() {
        for (layer, expected) in [
            ("features.30", "features_30"),
            ("0.weight", "x0_weight"),
            ("end", "xend"),
            ("_a#1", "x_a_1"),
        ] {
            assert_eq!(variable(layer), expected);
        }
        assert_eq!(variable(&"a".repeat(70)).len(), 63);
    }

    #[test]
    fn places_of_fortran_order() {
        let axes = [2, 3, 2];
        let (mut place, mut from) = (vec![0; 3], 0);
        let mut found = vec![0];
        for _ in 1..12 {
            from = next_place(&mut place, &axes, from);
            found.push(from);
        }
        assert_eq!(found, [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
        assert_eq!(next_place(&mut place, &axes, from), 0);
    }
}
