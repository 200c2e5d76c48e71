//! Decoding alone: reads, decodes, resizes and crops every image of a folder on so many threads, as `featx extract` does
//! it. Prints one JSON object. `scripts/bench.sh` takes the limit of an extraction from it.
//!
//! usage: decode_folder FOLDER THREADS [PASSES]

use featx::images::{Preprocess, Preprocessor};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("expected a folder")?;
    let threads: usize = words.next().ok_or("expected threads")?.parse()?;
    let passes: usize = words.next().map_or(Ok(3), |text| text.parse())?;
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    files.sort();

    decode_all(&files, threads)?; // the files come into the page cache, the processor to its speed
    let mut seconds = Vec::new();
    for _ in 0..passes {
        let start = Instant::now();
        decode_all(&files, threads)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let (images, core_ms) = (
        files.len(),
        median * 1e3 * threads as f64 / files.len() as f64,
    );
    println!(
        r#"{{"images": {images}, "threads": {threads}, "seconds": {median}, "core_ms_per_image": {core_ms}}}"#
    );
    Ok(())
}

fn decode_all(files: &[PathBuf], threads: usize) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| decode_some(files, &next)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a decoder panicked")?)
    })
}

fn decode_some(files: &[PathBuf], next: &AtomicUsize) -> Result<(), Failure> {
    let preprocess = Preprocess::default();
    let mut preprocessor = Preprocessor::new(&preprocess);
    let mut pixels = vec![0; preprocess.image_bytes()];
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        load(&mut preprocessor, file, &mut pixels)?;
    }
    Ok(())
}

fn load(preprocessor: &mut Preprocessor, file: &Path, pixels: &mut [u8]) -> Result<(), Failure> {
    preprocessor
        .load_into(file, pixels)
        .map_err(|error| format!("'{}': {error}", file.display()).into())
}
