//! `cargo bench --bench images`: decoding of one photo, and all that is done to it, of files in memory. What a crop
//! takes beyond `decode` is resizing. The fastest column is the one to compare on a machine with other work.

use divan::Bencher;
use divan::counter::ItemsCount;
use featx::images::{Interpolation, Preprocess, Preprocessor};
use std::path::Path;

const PHOTOS: [&str; 6] = [
    "dandelions.jpg", // 500 × 375
    "dogs.jpg",       // 375 × 500
    "peaks.jpg",      // 640 × 480
    "stream.jpg",     // 500 × 333, no colour
    "lamp.png",
    "room.webp",
];

fn main() {
    divan::main();
}

fn photo(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/photos")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("'{}': {error}", path.display()))
}

fn preprocess(interpolation: Interpolation) -> Preprocess {
    Preprocess {
        interpolation,
        ..Preprocess::default()
    }
}

#[divan::bench(args = PHOTOS)]
fn decode(bencher: Bencher, name: &str) {
    let file = photo(name);
    let mut preprocessor = Preprocessor::new(&preprocess(Interpolation::Bilinear));
    bencher
        .counter(ItemsCount::new(1u32))
        .bench_local(|| preprocessor.decode(&file).is_ok());
}

#[divan::bench(args = PHOTOS)]
fn crop_bilinear(bencher: Bencher, name: &str) {
    crop(bencher, name, Interpolation::Bilinear);
}

#[divan::bench(args = PHOTOS)]
fn crop_bicubic(bencher: Bencher, name: &str) {
    crop(bencher, name, Interpolation::Bicubic);
}

fn crop(bencher: Bencher, name: &str, interpolation: Interpolation) {
    let file = photo(name);
    let preprocess = preprocess(interpolation);
    let mut preprocessor = Preprocessor::new(&preprocess);
    let mut pixels = vec![0; preprocess.image_bytes()];
    bencher
        .counter(ItemsCount::new(1u32))
        .bench_local(|| preprocessor.decode_into(&file, &mut pixels).is_ok());
}

/// Pixels of one crop to what the model is given.
#[divan::bench]
fn normalise(bencher: Bencher) {
    let preprocess = Preprocess::default();
    let normaliser = preprocess.normaliser();
    let pixels: Vec<u8> = (0..preprocess.image_bytes()).map(|i| i as u8).collect();
    let mut values = vec![0.0; pixels.len()];
    bencher
        .counter(ItemsCount::new(1u32))
        .bench_local(|| normaliser.normalise_nhwc(&pixels, &mut values));
}
