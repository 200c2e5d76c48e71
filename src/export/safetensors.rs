//! safetensors: one tensor per layer, named as it. Names of rows are the tensor `file_names`, lines of UTF-8 as bytes,
//! because the format has only numbers; the run is in the header's metadata.

use crate::export::checks::{ensure_distinct, number_among};
use crate::export::format::Format;
use crate::export::table::{Layer, Table};
use crate::rows::copy::{FilePosition, allocate, start_writing};
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// Readers refuse a longer header.
const LONGEST_HEADER: usize = 100_000_000;
/// The tensor of names.
const NAMES: &str = "file_names";
/// The types of numbers that the format has.
const HELD: [Number; 12] = Number::ALL;

pub struct Safetensors;

impl Format for Safetensors {
    fn endings(&self) -> &'static [&'static str] {
        &["safetensors"]
    }

    fn check(&self, table: &Table) -> Result<()> {
        for layer in &table.layers {
            number_among(layer, &HELD, "safetensors", "merge it to .npy")?;
        }
        let layers = table.layers.iter().map(|layer| layer.name.as_str());
        let names = layers.chain([NAMES, "__metadata__"]);
        ensure_distinct(names.map(|name| (name, name.to_owned())))?;
        let length = header(table)?.len();
        ensure!(
            length <= LONGEST_HEADER,
            "a header of {length} bytes is longer than the {LONGEST_HEADER} that safetensors takes; \
             export fewer layers with --layer"
        );
        Ok(())
    }

    fn file_bytes(&self, table: &Table) -> u64 {
        let header = header(table).map_or(0, |header| header.len());
        let names = table.names.as_ref().map_or(0, |names| names.bytes);
        header as u64 + names + table.data_bytes()
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        let header = header(table)?;
        let mut file = into.file();
        allocate(file, self.file_bytes(table))?;
        file.write_all_at(&header, 0)?;
        let mut end = header.len() as u64;
        for layer in ordered(table) {
            let start = end;
            end += layer.bytes();
            table.for_all_rows(layer, |rows, bytes| {
                let at = start + rows.start * layer.rows.header.row_bytes();
                file.write_all_at(bytes, at)?;
                start_writing(FilePosition(file, at), bytes.len() as u64);
                Ok(())
            })?;
        }
        file.seek(SeekFrom::Start(end))?;
        let mut lines = BufWriter::new(file);
        if let Some(names) = &table.names {
            names.for_each(|name| {
                lines.write_all(name)?;
                Ok(lines.write_all(b"\n")?)
            })?;
        }
        Ok(lines.flush()?)
    }
}

/// The largest numbers first, as the format's own library orders them: then every tensor is aligned.
fn ordered<'a>(table: &'a Table) -> Vec<&'a Layer> {
    let mut layers: Vec<_> = table.layers.iter().collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.number().map(Number::size)));
    layers
}

/// Everything before the first tensor.
fn header(table: &Table) -> Result<Vec<u8>> {
    let mut offset = 0;
    let mut info = |dtype: Dtype, shape: &[u64], bytes: u64| {
        let start = offset;
        offset += bytes as usize;
        TensorInfo {
            dtype,
            shape: shape.iter().map(|&length| length as usize).collect(),
            data_offsets: (start, offset),
        }
    };
    let mut tensors = Vec::new();
    for layer in ordered(table) {
        let dtype = dtype(layer.number().context("not a number")?);
        let info = info(dtype, layer.shape(), layer.bytes());
        tensors.push((layer.name.clone(), info));
    }
    if let Some(names) = &table.names {
        let info = info(Dtype::U8, &[names.bytes], names.bytes);
        tensors.push((NAMES.into(), info));
    }
    // The library would write the facts in another order each time; in an ordered map the same rows give the same file.
    let facts: BTreeMap<_, _> = table.facts.iter().cloned().collect();
    let mut entries: BTreeMap<String, Value> =
        serde_json::from_value(serde_json::to_value(Metadata::new(None, tensors)?)?)?;
    entries.insert("__metadata__".into(), serde_json::to_value(facts)?);
    let json = serde_json::to_string(&entries)?;
    let length = json.len().next_multiple_of(8);
    let mut header = (length as u64).to_le_bytes().to_vec();
    header.extend(json.as_bytes());
    header.resize(8 + length, b' ');
    Ok(header)
}

fn dtype(number: Number) -> Dtype {
    match number {
        Number::Bool => Dtype::BOOL,
        Number::I8 => Dtype::I8,
        Number::I16 => Dtype::I16,
        Number::I32 => Dtype::I32,
        Number::I64 => Dtype::I64,
        Number::U8 => Dtype::U8,
        Number::U16 => Dtype::U16,
        Number::U32 => Dtype::U32,
        Number::U64 => Dtype::U64,
        Number::F16 => Dtype::F16,
        Number::F32 => Dtype::F32,
        Number::F64 => Dtype::F64,
    }
}
