//! The pixels that enter the model are those of Pillow and torchvision, bit for bit.
//! `tests/make_pixels.py` makes the images and asks Pillow.

use crate::pillow::{compare_whole, difference, made_by, npy, rows};
use featx::images::{Interpolation, Preprocess, Preprocessor};
use std::path::Path;

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        "lanczos" => Interpolation::Lanczos,
        _ => panic!("{name}"),
    }
}

fn compare_case(out: &Path, case: &[String]) -> Option<String> {
    let [name, resize, crop, filter, stem] = case else {
        panic!("{case:?}")
    };
    let preprocess = Preprocess {
        resize: resize.parse().unwrap(),
        crop: crop.parse().unwrap(),
        interpolation: interpolation(filter),
        ..Preprocess::default()
    };
    let mut pixels = vec![7; preprocess.image_bytes()];
    if let Err(error) =
        Preprocessor::new(&preprocess).load_into(&out.join("images").join(name), &mut pixels)
    {
        return Some(format!("{stem}: {error}"));
    }
    if let Some(difference) = difference(&pixels, &npy(&out.join(format!("{stem}.u8.npy")))) {
        return Some(format!("{stem}: {difference}"));
    }
    let mut values = vec![0.0; pixels.len()];
    preprocess.normaliser().normalise_nhwc(&pixels, &mut values);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    (bytes != npy(&out.join(format!("{stem}.f32.npy"))))
        .then(|| format!("{stem}: normalised values differ"))
}

#[test]
fn pixels_are_pillows() {
    let out = made_by("make_pixels.py", &[]);
    let cases = rows(&out.join("cases.tsv"));
    let whole = rows(&out.join("whole.tsv"));
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| compare_case(&out, case))
        .chain(whole.iter().filter_map(|case| compare_whole(&out, case)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len() + whole.len(),
        wrong.join("\n")
    );
}
