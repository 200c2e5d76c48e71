//! Reads all rows of a source, as a run does, for `scripts/fuzz_sources.py`: a line each, its name and a digest of its
//! pixels, or `broken` and why.
//! usage: read_source PATH...

use featx::images::{Crop, Preprocess, Preprocessor, Resize};
use featx::sources::{RowReader, SourceList};
use featx::text::printing::visible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let paths: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    match SourceList::new(&paths).and_then(|found| found.all(None, |_| ())) {
        Ok(images) => read(&Arc::new(images)),
        Err(error) => {
            eprintln!("error: {}", visible(&format!("{error:#}")));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn read(images: &Arc<featx::sources::Images>) {
    let preprocess = Preprocess { resize: Resize::Shorter(8), crop: Some(Crop::Square(8)), ..Preprocess::default() };
    let (mut preprocessor, mut bytes) = (Preprocessor::new(&preprocess), Vec::new());
    let mut reader = RowReader::new(images);
    for row in images.rows() {
        let mut pixels = vec![0; 8 * 8 * 3];
        let read = reader.read(row, &mut bytes).and_then(|item| item.decode(&bytes, &mut preprocessor, &mut pixels));
        let name = images.name(row).display();
        match read {
            Ok(()) => println!("{name}\t{:x}", digest(&pixels)),
            Err(error) => println!("{name}\tbroken: {}", visible(&error.to_string())),
        }
    }
}

fn digest(pixels: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    pixels.hash(&mut hasher);
    hasher.finish()
}
