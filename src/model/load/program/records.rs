//! The records of a `.pt2` archive that `torch.export.save` wrote: the program's JSON, which is read at once, and where
//! its tensors lie.

use super::schema::Header;
use crate::model::load::archive::Record;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// The major version of the schema that featx reads.
const SCHEMA: i64 = 8;

/// What is read of an archive when it is opened.
#[derive(Debug)]
pub struct Records {
    /// `models/NAME.json`
    pub model: Vec<u8>,
    /// `data/weights/NAME_weights_config.json`
    pub weights: Vec<u8>,
    /// `data/constants/NAME_constants_config.json`
    pub constants: Vec<u8>,
}

/// Whether an archive's records are those of a `.pt2` file.
pub fn is_pt2(archive: &ZipArchive<File>) -> bool {
    archive.file_names().flatten().any(|name| {
        inner(&name) == "archive_format" || inner(&name) == "serialized_exported_program.json"
    })
}

/// Reads the program's JSON, which checks its CRC-32, and lists the tensors' records.
///
/// # Errors
/// Where there is no program in it that featx reads: one of another version, one that was compiled, several ones; a
/// record that is damaged.
pub fn read(path: &Path, archive: &mut ZipArchive<File>) -> Result<(Records, Vec<Record>)> {
    let file = path.display();
    let names: Vec<String> = archive
        .file_names()
        .map(|name| Ok(name?.into_owned()))
        .collect::<Result<_>>()
        .with_context(|| format!("'{file}' is damaged"))?;
    let model = only_model(path, &names)?;
    let text = |archive: &mut ZipArchive<File>, wanted: &str| match names
        .iter()
        .find(|name| inner(name) == wanted)
    {
        Some(name) => read_record(path, archive, name),
        None => Ok(b"{\"config\": {}}".to_vec()),
    };
    let stem = model
        .trim_start_matches("models/")
        .trim_end_matches(".json")
        .to_owned();
    let program = text(archive, &model)?;
    check_version(path, &program)?;
    let old = format!("data/weights/{stem}.pt");
    ensure!(
        !names.iter().any(|name| inner(name) == old),
        "'{file}' keeps its weights as PyTorch 2.8 and older did; load it there or in a newer one with torch.export.load, \
         and save it with torch.export.save of PyTorch 2.9 or newer"
    );
    ensure!(
        is_little_endian(path, archive, &names)?,
        "'{file}' was written on a big-endian machine; export it on another"
    );
    let records = Records {
        model: program,
        weights: text(archive, &format!("data/weights/{stem}_weights_config.json"))?,
        constants: text(
            archive,
            &format!("data/constants/{stem}_constants_config.json"),
        )?,
    };
    Ok((records, tensors(path, archive)?))
}

/// A record's name without the archive's own in front of it.
pub fn inner(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, inner)| inner)
}

/// The name of the record with the program.
fn only_model(path: &Path, names: &[String]) -> Result<String> {
    let file = path.display();
    let is_model = |name: &&str| name.starts_with("models/") && name.ends_with(".json");
    let models: Vec<&str> = names
        .iter()
        .map(|name| inner(name))
        .filter(is_model)
        .collect();
    let holds = |part: &str| {
        names
            .iter()
            .any(|name| inner(name).contains(part) || name.ends_with(part))
    };
    match models.as_slice() {
        [model] => Ok((*model).to_owned()),
        [] if holds("data/aotinductor/") => bail!(
            "'{file}' was compiled by AOTInductor, and holds no program; save the program itself with torch.export.save, \
             or export the model with: scripts/export_model.py --format pt2"
        ),
        [] if holds("serialized_exported_program.json") => bail!(
            "'{file}' was written by PyTorch 2.7 or older; load it with torch.export.load and save it with \
             torch.export.save of PyTorch 2.9 or newer"
        ),
        [] => bail!(
            "'{file}' is a .pt2 archive without a program; export the model with: scripts/export_model.py --format pt2"
        ),
        several => bail!(
            "'{file}' holds {} programs ({}); save one alone with torch.export.save",
            several.len(),
            several.join(", ")
        ),
    }
}

fn check_version(path: &Path, program: &[u8]) -> Result<()> {
    let file = path.display();
    let header: Header = serde_json::from_slice(program).with_context(|| {
        format!("'{file}' holds no program that featx understands; export the model again")
    })?;
    let (major, minor) = (header.schema_version.major, header.schema_version.minor);
    let writer = header
        .torch_version
        .unwrap_or_else(|| "of an unknown version".to_owned());
    ensure!(
        major == SCHEMA,
        "'{file}' has schema version {major}.{minor} (PyTorch {writer}), featx reads {SCHEMA}.x; export the model again with \
         PyTorch 2.9 to 2.13"
    );
    Ok(())
}

fn is_little_endian(path: &Path, archive: &mut ZipArchive<File>, names: &[String]) -> Result<bool> {
    let Some(name) = names.iter().find(|name| inner(name) == "byteorder") else {
        return Ok(true);
    };
    Ok(read_record(path, archive, name)? == b"little")
}

fn read_record(path: &Path, archive: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>> {
    let damaged = || {
        format!(
            "'{}' is damaged: record '{name}'; copy or export the file again",
            path.display()
        )
    };
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(name).with_context(damaged)?;
    entry.read_to_end(&mut bytes).with_context(damaged)?;
    Ok(bytes)
}

/// Weights and constants, without the empty ones.
fn tensors(path: &Path, archive: &mut ZipArchive<File>) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .with_context(|| format!("'{}' is damaged", path.display()))?;
        let name = entry
            .name()
            .with_context(|| format!("'{}' is damaged", path.display()))?
            .into_owned();
        let is_tensor = ["data/weights/", "data/constants/"]
            .iter()
            .any(|folder| inner(&name).starts_with(folder));
        if !is_tensor || name.ends_with(".json") || entry.size() == 0 {
            continue;
        }
        ensure!(
            entry.compression() == CompressionMethod::Stored,
            "record '{name}' of '{}' is compressed; save the program again with torch.export.save",
            path.display()
        );
        let offset = entry
            .data_start()
            .context("a record without a place in the file")?;
        records.push(Record {
            offset,
            size: entry.size(),
            crc32: entry.crc32(),
            name,
        });
    }
    Ok(records)
}
