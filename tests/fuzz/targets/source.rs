//! Archives and arrays (tar, zip, Parquet, `.npy`): whatever the bytes, an error, or rows of distinct names that are the
//! same for whoever reads them in whatever order; of a tar, those that reading it from its start to its end gives.
#![no_main]

use featx::sources::{Images, Kind, RowReader, SourceList};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are read of each.
const READ: u64 = 40;

fuzz_target!(|bytes: &[u8]| {
    holds(bytes);
    let signed = with_checksums(bytes);
    if signed != bytes {
        holds(&signed);
    }
});

/// Without them hardly any change of a tar would get past its header.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut signed = bytes.to_vec();
    for block in signed.as_chunks_mut::<512>().0 {
        if block[257..].starts_with(b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    signed
}

fn holds(bytes: &[u8]) {
    let path = PathBuf::from(format!("/dev/shm/featx-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("a file in memory");
    let images = SourceList::new(&[path.clone()]).and_then(|found| found.all(None, |_| ()));
    if let Ok(images) = images {
        let images = Arc::new(images);
        let mut names: Vec<&Path> = images.rows().map(|row| images.name(row)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len() as u64, images.len(), "names come once");
        let rows = 0..images.len().min(READ);
        let forth = read(&images, rows.clone());
        let mut back = read(&images, rows.rev());
        back.reverse();
        assert_eq!(forth, back);
        if images.sources()[0].kind == Kind::Tar {
            as_it_lies(bytes, &images, &forth);
        }
    }
}

type Row = Result<(String, Vec<u8>), String>;

fn read(images: &Arc<Images>, rows: impl Iterator<Item = u64>) -> Vec<Row> {
    let (mut reader, mut bytes) = (RowReader::new(images), Vec::new());
    let read = |row| match reader.read(row, &mut bytes) {
        Ok(item) => Ok((format!("{item:?}"), bytes.clone())),
        Err(error) => Err(error.to_string()),
    };
    rows.map(read).collect()
}

/// Files alone: links lie elsewhere, devices are no images.
fn as_it_lies(bytes: &[u8], images: &Images, rows: &[Row]) {
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else { return };
    for entry in entries {
        let Ok(mut entry) = entry else { break };
        let mut name = entry.path_bytes().into_owned();
        while let Some(rest) = name.strip_prefix(b"./") {
            name = rest.to_vec();
        }
        let mut data = Vec::new();
        if entry.header().entry_type().is_file() && entry.read_to_end(&mut data).is_ok() {
            members.insert(name, data);
        }
    }
    let source = &images.sources()[0];
    for (row, read) in rows.iter().enumerate() {
        let name = source.item(images.name(row as u64)).as_os_str().as_encoded_bytes();
        if let (Some(data), Ok((_, found))) = (members.get(name), read) {
            assert_eq!(data, found, "{name:?}");
        }
    }
}
