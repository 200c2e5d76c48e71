//! PyTorch: a dict of tensors, with `file_names` (a list) and `run` (a dict) beside them.
//!
//! Source: `torch/serialization.py` (`_save`) and `caffe2/serialize/inline_container.h`: a ZIP archive of stored records
//! whose data begin at multiples of 64 bytes, so that `torch.load(…, mmap=True)` can map them.

use crate::export::checks::{ensure_distinct, number_among};
use crate::export::format::Format;
use crate::export::pickler::{AT_ONCE, Pickler};
use crate::export::table::{Layer, Table};
use crate::rows::copy::allocate;
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::Result;
use std::io::{BufWriter, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const NAMES: &str = "file_names";
const RUN: &str = "run";
/// PyTorch has other unsigned numbers too, but hardly a function that takes them.
const HELD: [Number; 9] = [
    Number::Bool,
    Number::I8,
    Number::I16,
    Number::I32,
    Number::I64,
    Number::U8,
    Number::F16,
    Number::F32,
    Number::F64,
];

pub struct Pt;

impl Format for Pt {
    fn endings(&self) -> &'static [&'static str] {
        &["pt"]
    }

    fn check(&self, table: &Table) -> Result<()> {
        for layer in &table.layers {
            number_among(layer, &HELD, "PyTorch", "merge it to .npy")?;
        }
        let layers = table.layers.iter().map(|layer| layer.name.as_str());
        let keys = layers.chain([NAMES, RUN]);
        ensure_distinct(keys.map(|key| (key, key.to_owned())))?;
        table.ensure_names_are_text("PyTorch")
    }

    fn file_bytes(&self, table: &Table) -> u64 {
        let names = table.names.as_ref();
        let names = names.map_or(0, |names| names.bytes + 5 * names.count);
        table.data_bytes() + names + 1024 * (table.layers.len() as u64 + 4)
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        // Take the space first: if the disk filled up later, the zip crate would print its own message.
        allocate(into.file(), self.file_bytes(table))?;
        let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 16, into.file()));
        let stored = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(true)
            .with_alignment(64);
        archive.start_file("archive/data.pkl", stored)?;
        write_objects(table, BufWriter::new(&mut archive))?;
        for (name, text) in [("byteorder", "little"), ("version", "3\n")] {
            archive.start_file(format!("archive/{name}"), stored)?;
            archive.write_all(text.as_bytes())?;
        }
        for (index, layer) in table.layers.iter().enumerate() {
            archive.start_file(format!("archive/data/{index}"), stored)?;
            table.for_all_rows(layer, |_, bytes| Ok(archive.write_all(bytes)?))?;
        }
        let mut file = archive.finish()?;
        let end = file.stream_position()?;
        file.flush()?;
        Ok(into.file().set_len(end)?)
    }
}

/// The dict, without the numbers of its tensors.
fn write_objects(table: &Table, sink: impl Write) -> Result<()> {
    let mut pickle = Pickler::begin(sink)?;
    pickle.dict(|pickle| {
        for (index, layer) in table.layers.iter().enumerate() {
            pickle.text(&layer.name)?;
            write_tensor(pickle, layer, index)?;
        }
        if let Some(names) = &table.names {
            pickle.text(NAMES)?;
            pickle.empty_list()?;
            let append = |chunk: &[String]| Ok(pickle.append(chunk)?);
            names
                .for_each_chunk(AT_ONCE, append)
                .map_err(std::io::Error::other)?;
        }
        pickle.text(RUN)?;
        pickle.dict(|pickle| {
            table.facts.iter().try_for_each(|(key, value)| {
                pickle.text(key)?;
                pickle.text(value)
            })
        })
    })?;
    Ok(pickle.end()?)
}

/// `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`
fn write_tensor<W: Write>(
    pickle: &mut Pickler<W>,
    layer: &Layer,
    index: usize,
) -> std::io::Result<()> {
    let shape = layer.shape();
    let strides: Vec<u64> = (0..shape.len())
        .map(|axis| shape[axis + 1..].iter().map(|&n| n.max(1)).product())
        .collect();
    pickle.global("torch._utils", "_rebuild_tensor_v2")?;
    pickle.tuple(|pickle| {
        pickle.tuple(|pickle| {
            pickle.text("storage")?;
            pickle.global("torch", storage(layer.number()))?;
            pickle.text(&index.to_string())?;
            pickle.text("cpu")?;
            pickle.number(layer.rows.header.elements())
        })?;
        pickle.persistent()?;
        pickle.number(0)?;
        pickle.numbers(shape)?;
        pickle.numbers(&strides)?;
        pickle.falsehood()?;
        pickle.global("collections", "OrderedDict")?;
        pickle.tuple(|_| Ok(()))?;
        pickle.call()
    })?;
    pickle.call()
}

fn storage(number: Option<Number>) -> &'static str {
    match number {
        Some(Number::Bool) => "BoolStorage",
        Some(Number::I8) => "CharStorage",
        Some(Number::I16) => "ShortStorage",
        Some(Number::I32) => "IntStorage",
        Some(Number::I64) => "LongStorage",
        Some(Number::F16) => "HalfStorage",
        Some(Number::F32) => "FloatStorage",
        Some(Number::F64) => "DoubleStorage",
        _ => "ByteStorage",
    }
}
