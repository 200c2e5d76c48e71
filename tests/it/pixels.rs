//! The pixels that enter the model are those of Pillow and torchvision, bit for bit.
//! `tests/make_pixels.py` makes the images and asks Pillow.

use crate::support::pillow::{
    assert_none_wrong, compare_preprocessed, compare_whole, made_by, rows,
};
use featx::images::{Crop, Interpolation, Preprocess, Preprocessor, Resize};
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
        resize: resize.parse::<Resize>().unwrap(),
        crop: Some(crop.parse::<Crop>().unwrap()),
        interpolation: interpolation(filter),
        ..Preprocess::default()
    };
    compare_preprocessed(out, name, stem, &preprocess).map(|wrong| format!("{stem}: {wrong}"))
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
    assert_none_wrong(&wrong, cases.len() + whole.len());
}

/// What is said of a file that holds `data`.
fn refusal(name: &str, data: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, data).unwrap();
    refusal_at(&path)
}

fn refusal_at(path: &Path) -> String {
    let preprocess = Preprocess::default();
    let mut out = vec![0; preprocess.image_bytes()];
    let refused = Preprocessor::new(&preprocess).load_into(path, &mut out);
    refused.unwrap_err().to_string()
}

#[test]
fn what_is_no_image_is_refused_in_a_line() {
    assert_eq!(refusal("empty.jpg", b""), "is empty (0 bytes)");
    let not_an_image = "is not an image: its bytes are of no JPEG, PNG, WebP, BMP, GIF, TIFF, PNM, QOI, ICO, CUR or TGA file";
    assert_eq!(refusal("text.jpg", b"hello"), not_an_image);
    assert_eq!(
        refusal("cut.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
        "is truncated"
    );
    let mut bomb = b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0".to_vec();
    bomb.extend([0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f, 1, 0, 24, 0]);
    bomb.extend([0; 24]);
    assert_eq!(
        refusal("bomb.bmp", &bomb),
        "is too large: 2147483647 x 2147483647 pixels, the limit is 178956970 pixels in all"
    );
    bomb[18..22].fill(0);
    assert_eq!(refusal("flat.bmp", &bomb), "has no pixels: 0 x 2147483647");
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    assert_eq!(refusal_at(folder), "is not a regular file");
    assert!(refusal_at(&folder.join("missing.jpg")).starts_with("cannot be read: No such file"));
    let pipe = folder.join("pipe.jpg");
    let _ = std::fs::remove_file(&pipe);
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(refusal_at(&pipe), "is not a regular file");
}
