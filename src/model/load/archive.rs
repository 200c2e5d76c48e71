//! The model file: a ZIP archive of uncompressed records, of TorchScript or torch.export. Tells its kind, its fingerprint
//! and where each tensor lies, and reads records with their CRC-32 checked (libtorch checks none).

use crate::model::load::program::records::{self, Records};
use crate::model::load::record::{Record, inner_name};
use crate::text::figures::hex;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// A model's archive, checked to be one.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    /// SHA-256, in hex, of the archive's central directory, which holds every record's size and CRC-32.
    pub fingerprint: String,
    /// Records of tensors, which can be read later. Empty if the model's own code computes with them while it is loaded.
    pub deferrable: Vec<Record>,
    /// `deferrable` had to be left empty.
    pub loaded_whole: bool,
    /// Of a program of torch.export; `None` for TorchScript.
    pub program: Option<Records>,
}

impl Archive {
    /// Opens a model file and reads its directory and its code, not its tensors.
    ///
    /// # Errors
    /// Where it is no model's archive (naming what it is instead), is truncated, or a record fails its CRC-32.
    pub fn open(path: &Path) -> Result<Self> {
        let named = || format!("cannot open model '{}'", path.display());
        let file = File::open(path).with_context(named)?;
        ensure!(
            file.metadata().with_context(named)?.is_file(),
            "model '{}' is not a file",
            path.display()
        );
        // Nothing stands before a model's archive, so its offsets need no guessing (which fails on some small files).
        let offsets_as_written = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut archive = match ZipArchive::with_config(
            offsets_as_written,
            file.try_clone().with_context(named)?,
        ) {
            Ok(archive) => archive,
            Err(_) => bail!(
                "'{}' is not a model file: it is {}",
                path.display(),
                kind_of_file(&file).with_context(named)?
            ),
        };
        let fingerprint =
            fingerprint(&file, archive.central_directory_start()).with_context(named)?;
        let (mut program, mut loaded_whole) = (None, false);
        let deferrable;
        if records::is_pt2(&archive) {
            let read = records::read(path, &mut archive)?;
            (program, deferrable) = (Some(read.0), read.1);
        } else {
            ensure_torchscript(path, &archive)?;
            (deferrable, loaded_whole) = read_directory(path, &mut archive)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            fingerprint,
            deferrable,
            loaded_whole,
            program,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the bytes of a deferrable record, given by its number, into `buffer`, which has its size.
    ///
    /// # Errors
    /// Where reading fails or the CRC-32 is not the one that the directory gives.
    pub fn read(&self, deferrable: usize, buffer: &mut [u8]) -> Result<()> {
        let record = &self.deferrable[deferrable];
        self.file
            .read_exact_at(buffer, record.offset)
            .with_context(|| {
                format!(
                    "cannot read record '{}' of '{}'",
                    record.name,
                    self.path.display()
                )
            })?;
        let found = crc32fast::hash(buffer);
        ensure!(
            found == record.crc32,
            "{}",
            damaged(&self.path, &record.name, record.crc32, found)
        );
        Ok(())
    }
}

fn damaged(path: &Path, record: &str, expected: u32, found: u32) -> String {
    format!(
        "'{}' is damaged: record '{record}' has CRC-32 {found:08x}, its directory says {expected:08x}; copy or export the file again",
        path.display()
    )
}

/// What a file that is no ZIP archive looks like from its first bytes.
fn kind_of_file(mut file: &File) -> Result<&'static str> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(512).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [] => "empty",
        [b'P', b'K', ..] => "a truncated archive, without its directory; copy or export it again",
        [0x80, 2..=5, ..] => {
            "a pickle, as old versions of torch.save wrote; export the model with scripts/export_model.py"
        }
        [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' ', ..] => {
            "a Git LFS pointer; fetch the file itself with: git lfs pull"
        }
        [_, _, _, _, _, _, _, _, b'{', ..] => {
            "weights without code (safetensors); export the model with scripts/export_model.py"
        }
        [b'<', ..] => "a web page perhaps, from a download that failed; fetch or export it again",
        [0x89, b'H', b'D', b'F', ..] => {
            "an HDF5 file; export the model with scripts/export_model.py"
        }
        _ => {
            "neither an archive nor any format known to featx; export the model with scripts/export_model.py"
        }
    })
}

fn ensure_torchscript(path: &Path, archive: &ZipArchive<File>) -> Result<()> {
    let holds = |part: &str| {
        archive
            .file_names()
            .flatten()
            .any(|name| name.contains(part))
    };
    if holds("/constants.pkl") && holds("/data.pkl") {
        return Ok(());
    }
    let kind = if holds("/data.pkl") {
        "weights without code (torch.save), a state dict perhaps"
    } else {
        "a ZIP archive without a module in it"
    };
    bail!(
        "'{}' is not a model file: it is {kind}; export the model with scripts/export_model.py",
        path.display()
    )
}

/// SHA-256 of everything from the central directory to the end of the file.
fn fingerprint(mut file: &File, directory: u64) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(directory))?;
    file.read_to_end(&mut bytes)?;
    Ok(hex(&Sha256::digest(&bytes)))
}

/// Lists the tensors' records, and reads all others, which checks them.
fn read_directory(path: &Path, archive: &mut ZipArchive<File>) -> Result<(Vec<Record>, bool)> {
    let mut records = Vec::new();
    let mut computes_in_setstate = false;
    for index in 0..archive.len() {
        let mut entry = archive
            .by_index(index)
            .with_context(|| format!("'{}' is damaged", path.display()))?;
        let name = entry
            .name()
            .with_context(|| format!("'{}' is damaged", path.display()))?
            .into_owned();
        let inner = inner_name(&name);
        // Constants are read with the code: while libtorch loads them it joins those of equal value.
        let is_tensor = inner.starts_with("data/");
        if is_tensor && entry.compression() == CompressionMethod::Stored {
            let offset = entry
                .data_start()
                .context("a record without a place in the file")?;
            records.push(Record {
                name,
                offset,
                size: entry.size(),
                crc32: entry.crc32(),
            });
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(|| {
            format!(
                "'{}' is damaged: record '{name}'; copy or export the file again",
                path.display()
            )
        })?;
        computes_in_setstate |= inner.starts_with("code/") && mentions(&bytes, b"__setstate__")
            || inner == "data.pkl" && mentions(&bytes, b"torch.classes");
    }
    records.retain(|record| record.size > 0);
    if computes_in_setstate {
        check_all(path, archive)?;
        records.clear();
    }
    Ok((records, computes_in_setstate))
}

/// Reads every record to its end, so that its CRC-32 is compared.
fn check_all(path: &Path, archive: &mut ZipArchive<File>) -> Result<()> {
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        std::io::copy(&mut entry, &mut std::io::sink()).with_context(|| {
            format!(
                "'{}' is damaged; copy or export the file again",
                path.display()
            )
        })?;
    }
    Ok(())
}

fn mentions(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
