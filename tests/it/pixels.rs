//! The pixels that enter the model are those of Pillow and torchvision, bit for bit.
//! `tests/make_pixels.py` makes the images and asks Pillow.

use featx::images::{Interpolation, Preprocess, Preprocessor};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of `tests/` with the project's Python into a fresh folder, and returns it.
fn made_by(script: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
    let _ = fs::remove_dir_all(&out);
    let python = root.join(".venv/bin/python");
    let status = Command::new(&python)
        .arg(root.join("tests").join(script))
        .arg(&out)
        .status();
    assert!(status.unwrap().success(), "{script} failed");
    out
}

/// The bytes of a C-ordered `.npy` of format 1.0.
fn npy(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    assert!(
        bytes.starts_with(b"\x93NUMPY\x01\x00"),
        "{}",
        path.display()
    );
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        "lanczos" => Interpolation::Lanczos,
        _ => panic!("{name}"),
    }
}

/// How many values differ and by how much at most, for a message.
fn difference(found: &[u8], expected: &[u8]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!(
            "{} bytes instead of {}",
            found.len(),
            expected.len()
        ));
    }
    let differences = found
        .iter()
        .zip(expected)
        .map(|(a, b)| a.abs_diff(*b))
        .filter(|&d| d > 0);
    let count = differences.clone().count();
    (count > 0).then(|| {
        format!(
            "{count} of {} values differ, by up to {}",
            found.len(),
            differences.max().unwrap()
        )
    })
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

fn compare_whole(out: &Path, case: &[String]) -> Option<String> {
    let [name, array] = case else {
        panic!("{case:?}")
    };
    let data = fs::read(out.join("images").join(name)).unwrap();
    match (
        Preprocessor::new(&Preprocess::default()).decode(&data),
        array.as_str(),
    ) {
        (Ok(_), "error") => Some(format!("{name}: taken, but Pillow refuses it")),
        (Ok(image), array) => {
            difference(image.pixels(), &npy(&out.join(array))).map(|d| format!("{name} whole: {d}"))
        }
        (Err(_), "error") => None,
        (Err(error), _) => Some(format!("{name}: {error}")),
    }
}

#[test]
fn pixels_are_pillows() {
    let out = made_by("make_pixels.py");
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
