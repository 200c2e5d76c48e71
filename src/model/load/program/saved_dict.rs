//! A dict of tensors that `torch.save` wrote: an archive within the archive. PyTorch 2.8 keeps weights and constants in
//! such dicts, later versions in records of their own.

use super::codes;
use super::schema::{Payload, Payloads, Size, TensorMeta};
use crate::model::load::record::{Record, inner_name, read_record};
use crate::model::runtime::message::{check, text};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::path::Path;
use std::ptr::null_mut;
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// A dict that was saved in an archive's record.
#[derive(Debug)]
pub struct SavedDict {
    /// The record's own name, without its folder.
    file: String,
    pickle: Vec<u8>,
}

impl SavedDict {
    /// Reads a record's pickle, and lists the tensors' records in it.
    ///
    /// # Errors
    /// The record is damaged, or is no such archive.
    pub fn open(
        path: &Path,
        archive: &mut ZipArchive<File>,
        name: &str,
    ) -> Result<(Self, Vec<Record>)> {
        let damaged = || {
            format!(
                "'{}' is damaged: record '{name}'; copy or export the file again",
                path.display()
            )
        };
        let entry = archive.by_name(name).with_context(damaged)?;
        let start = entry.data_start().with_context(damaged)?;
        drop(entry);
        let entry = archive.by_name_seek(name).with_context(damaged)?;
        let offsets_as_written = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut within =
            ZipArchive::with_config(offsets_as_written, entry).with_context(damaged)?;
        let (mut pickle, mut records) = (None, Vec::new());
        for index in 0..within.len() {
            let entry = within.by_index_raw(index).with_context(damaged)?;
            let part = entry.name().with_context(damaged)?.into_owned();
            if inner_name(&part) == "data.pkl" {
                pickle = Some(part);
            } else if inner_name(&part).starts_with("data/") && entry.size() > 0 {
                ensure!(
                    entry.compression() == CompressionMethod::Stored,
                    "record '{name}' of '{}' holds compressed tensors; save the program again with torch.export.save",
                    path.display()
                );
                let offset = entry.data_start().with_context(damaged)?;
                records.push(Record {
                    name: format!("{name}/{}", inner_name(&part)),
                    offset: start.checked_add(offset).with_context(damaged)?,
                    size: entry.size(),
                    crc32: entry.crc32(),
                });
            }
        }
        let pickle = read_record(path, &mut within, &pickle.with_context(damaged)?)?;
        let file = name.rsplit('/').next().unwrap_or(name).to_owned();
        Ok((Self { file, pickle }, records))
    }

    /// Where each of its tensors lies.
    ///
    /// # Errors
    /// Something else than a dict of tensors was saved.
    pub fn payloads(&self) -> Result<Payloads> {
        let mut dict = Dict { raw: null_mut() };
        let size = self.pickle.len();
        // SAFETY: the bytes outlive the call, which copies what it keeps; `raw` is an out parameter.
        check(unsafe { featx_saved_read(self.pickle.as_ptr().cast(), size, &mut dict.raw) })
            .context("it is no dict of plain tensors; load the program and save the program again with torch.export.save of PyTorch 2.9 or newer")?;
        // SAFETY: `raw` is a live dict, and each index is below its count.
        let tensors = (0..unsafe { featx_saved_count(dict.raw) })
            .map(|index| unsafe { featx_saved_at(dict.raw, index) });
        let mut config = HashMap::new();
        for tensor in tensors {
            let payload = Payload {
                path_name: format!("{}/data/{}", self.file, text(tensor.storage)),
                is_param: true, // the program's signature says which are buffers
                use_pickle: false,
                tensor_meta: Some(meta(&tensor)?),
            };
            config.insert(text(tensor.name), payload);
        }
        Ok(Payloads { config })
    }
}

fn meta(tensor: &RawTensor) -> Result<TensorMeta> {
    let known = |numbers: *const i64| {
        // SAFETY: both arrays have that many numbers, and live as long as the dict, which outlives this call.
        let number = |at| unsafe { *numbers.add(at) };
        (0..tensor.dimensions)
            .map(|at| Size::AsInt(number(at)))
            .collect()
    };
    let dtype = codes::of_scalar_type(i64::from(tensor.code))
        .with_context(|| format!("'{}' is of an unknown type", text(tensor.name)))?;
    Ok(TensorMeta {
        dtype,
        sizes: known(tensor.sizes),
        strides: known(tensor.strides),
        storage_offset: Size::AsInt(tensor.offset),
        layout: codes::STRIDED,
    })
}

#[repr(C)]
struct RawDict {
    _private: [u8; 0],
}

#[repr(C)]
struct RawTensor {
    name: *const c_char,
    storage: *const c_char,
    code: c_int,
    sizes: *const i64,
    strides: *const i64,
    dimensions: usize,
    offset: i64,
}

unsafe extern "C" {
    fn featx_saved_read(pickle: *const c_char, size: usize, out: *mut *mut RawDict) -> *mut c_char;
    fn featx_saved_count(saved: *const RawDict) -> usize;
    fn featx_saved_at(saved: *const RawDict, index: usize) -> RawTensor;
    fn featx_saved_free(saved: *mut RawDict);
}

/// The C++ side's (`load/saved.h`).
struct Dict {
    raw: *mut RawDict,
}

impl Drop for Dict {
    fn drop(&mut self) {
        // SAFETY: `raw` came from featx_saved_read, or is null, and is freed once.
        unsafe { featx_saved_free(self.raw) }
    }
}
