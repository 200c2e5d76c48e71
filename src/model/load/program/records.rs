//! The records of a `.pt2` archive that `torch.export.save` wrote: the program's JSON, which is read at once, and where
//! its tensors lie.

use super::saved_dict::SavedDict;
use super::schema::Header;
use crate::model::load::record::{Record, inner_name, read_record};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// The major version of the schema that featx reads.
const SCHEMA: i64 = 8;

/// The versions of PyTorch that write it.
const READ: &str = "2.8 to 2.13";

/// The record with the program, until PyTorch 2.7.
const OLD_MODEL: &str = "serialized_exported_program.json";

/// What is read of an archive when it is opened.
#[derive(Debug)]
pub struct Records {
    /// `models/NAME.json`
    pub model: Vec<u8>,
    pub weights: Listing,
    pub constants: Listing,
}

/// Where the tensors of a folder lie.
#[derive(Debug)]
pub enum Listing {
    /// `NAME_weights_config.json`; each tensor's storage is a record.
    Json(Vec<u8>),
    /// `NAME.pt`, of PyTorch 2.8.
    Saved(SavedDict),
}

/// Whether an archive's records are those of a `.pt2` file.
pub fn is_pt2(archive: &ZipArchive<File>) -> bool {
    archive
        .file_names()
        .flatten()
        .any(|name| inner_name(&name) == "archive_format" || inner_name(&name) == OLD_MODEL)
}

/// Reads the program's JSON, which checks its CRC-32, and lists the tensors' records.
///
/// # Errors
/// It has no program that featx reads, but one of another version, a compiled one, or several; or a record is damaged.
pub fn read(path: &Path, archive: &mut ZipArchive<File>) -> Result<(Records, Vec<Record>)> {
    let file = path.display();
    let names: Vec<String> = archive
        .file_names()
        .map(|name| Ok(name?.into_owned()))
        .collect::<Result<_>>()
        .with_context(|| format!("'{file}' is damaged"))?;
    if names.iter().any(|name| inner_name(name) == OLD_MODEL) {
        bail!("{}", too_old(path, archive));
    }
    let model = only_model(path, &names)?;
    let stem = inner_name(&model)
        .trim_start_matches("models/")
        .trim_end_matches(".json");
    let program = read_record(path, archive, &model)?;
    check_version(path, &program)?;
    ensure!(
        is_little_endian(path, archive, &names)?,
        "'{file}' was written on a big-endian machine; export it on another"
    );
    let mut tensors = tensors(path, archive)?;
    let mut listing = |folder: &str| {
        let named = |ending: &str| {
            let wanted = format!("data/{folder}/{stem}{ending}");
            names.iter().find(|name| inner_name(name) == wanted)
        };
        if let Some(name) = named(&format!("_{folder}_config.json")) {
            return Ok(Listing::Json(read_record(path, archive, name)?));
        }
        let Some(name) = named(".pt") else {
            return Ok(Listing::Json(b"{\"config\": {}}".to_vec()));
        };
        let (saved, records) = SavedDict::open(path, archive, name)?;
        tensors.extend(records);
        anyhow::Ok(Listing::Saved(saved))
    };
    let records = Records {
        model: program,
        weights: listing("weights")?,
        constants: listing("constants")?,
    };
    Ok((records, tensors))
}

fn too_old(path: &Path, archive: &mut ZipArchive<File>) -> String {
    let schema = match read_record(path, archive, "version") {
        Ok(version) => String::from_utf8_lossy(&version).into_owned(),
        Err(_) => "unknown".to_owned(),
    };
    format!(
        "'{}' was written by PyTorch 2.7 or older (schema version {schema}), featx reads what 2.8 and newer write; load it \
         with torch.export.load of PyTorch {READ}, and save it there with torch.export.save",
        path.display()
    )
}

/// The name of the record with the program.
fn only_model(path: &Path, names: &[String]) -> Result<String> {
    let file = path.display();
    let is_model = |name: &&str| inner_name(name).starts_with("models/") && name.ends_with(".json");
    let models: Vec<&str> = names.iter().map(String::as_str).filter(is_model).collect();
    let holds = |part: &str| {
        names
            .iter()
            .any(|name| inner_name(name).contains(part) || name.ends_with(part))
    };
    match models.as_slice() {
        [model] => Ok((*model).to_owned()),
        [] if holds("data/aotinductor/") => bail!(
            "'{file}' was compiled by AOTInductor, and holds no program; save the program itself with torch.export.save, \
             or export the model with: scripts/export_model.py --format pt2"
        ),
        [] => bail!(
            "'{file}' is a .pt2 archive without a program; export the model with: scripts/export_model.py --format pt2"
        ),
        several => bail!(
            "'{file}' holds {} programs ({}); save one alone with torch.export.save",
            several.len(),
            several
                .iter()
                .map(|name| inner_name(name))
                .collect::<Vec<_>>()
                .join(", ")
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
         PyTorch {READ}"
    );
    Ok(())
}

fn is_little_endian(path: &Path, archive: &mut ZipArchive<File>, names: &[String]) -> Result<bool> {
    let Some(name) = names.iter().find(|name| inner_name(name) == "byteorder") else {
        return Ok(true);
    };
    Ok(read_record(path, archive, name)? == b"little")
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
            .any(|folder| inner_name(&name).starts_with(folder));
        let is_list = name.ends_with(".json") || name.ends_with(".pt");
        if !is_tensor || is_list || entry.size() == 0 {
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
