//! Values of arrays on disk, and how far two of them are apart.

use featx::rows::npy::Header;
use half::f16;
use std::fs;
use std::path::Path;

/// Shape and values of an array of any of the types that a layer gives.
pub fn values(path: &Path) -> (Vec<u64>, Vec<f64>) {
    let header = Header::read(path).unwrap();
    let bytes = fs::read(path).unwrap();
    let data = &bytes[header.data_offset as usize..];
    let values = match header.dtype.descr() {
        "<f4" => data
            .chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
            .collect(),
        "<f2" => data
            .chunks_exact(2)
            .map(|b| f64::from(f16::from_le_bytes(b.try_into().unwrap())))
            .collect(),
        "<f8" => data
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect(),
        "<i8" => data
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
            .collect(),
        "|b1" => data.iter().map(|&b| f64::from(b)).collect(),
        other => panic!("'{}' holds {other}", path.display()),
    };
    (header.shape, values)
}

/// Relative L2 distance of `found` from `expected`; NaN where either has one.
pub fn relative_l2(found: &[f64], expected: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| {
        values.map(|value| value * value).sum::<f64>().sqrt()
    };
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    difference / norm(&mut expected.iter().copied()).max(f64::MIN_POSITIVE)
}

#[track_caller]
pub fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let distance = relative_l2(found, expected);
    assert!(distance <= tolerance, "relative L2 {distance:e}");
}
