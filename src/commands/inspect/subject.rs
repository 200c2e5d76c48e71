//! What there is at a path.

use crate::text::shell;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a path leads to.
pub enum Subject {
    Array,
    Directory,
    Model,
}

impl Subject {
    /// Goes by the first bytes, and by the name where they say nothing.
    ///
    /// # Errors
    /// There is nothing, or nothing that featx knows.
    pub fn recognise(path: &Path) -> Result<Self> {
        let named = || format!("'{}'", path.display());
        let metadata = std::fs::metadata(path).with_context(named)?;
        if metadata.is_dir() {
            return Ok(Self::Directory);
        }
        if !metadata.is_file() {
            bail!(
                "'{}' is a pipe or a device; expected a file or a directory",
                path.display()
            );
        }
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        if ending == "npy" {
            return Ok(Self::Array);
        }
        if ending == "npz" {
            let (archive, folder) = (shell::word(path), shell::word(&path.with_extension("")));
            bail!(
                "'{}' is an archive of arrays; unpack it, and inspect each: unzip {archive} -d {folder}",
                path.display()
            );
        }
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(6).read_to_end(&mut start))
            .with_context(named)?;
        match start.as_slice() {
            b"\x93NUMPY" => Ok(Self::Array),
            [b'P', b'K', ..] => Ok(Self::Model),
            _ if matches!(ending, "pt" | "pth" | "ts") => Ok(Self::Model),
            _ => bail!(
                "'{}' is nothing that featx knows: expected an .npy file, a run directory or a TorchScript model",
                path.display()
            ),
        }
    }
}
