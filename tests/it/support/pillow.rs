//! What Pillow says: made by a Python script of `tests/`, and compared with.

use featx::images::{Preprocess, Preprocessor};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of `tests/` with the project's Python into a fresh folder, and returns it.
pub fn made_by(script: &str, arguments: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
    let _ = fs::remove_dir_all(&out);
    let python = root.join(".venv/bin/python");
    let status = Command::new(&python)
        .arg(root.join("tests").join(script))
        .arg(&out)
        .args(arguments)
        .status();
    assert!(status.unwrap().success(), "{script} failed");
    out
}

/// The bytes of a C-ordered `.npy` of format 1.0.
pub fn npy(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    assert!(
        bytes.starts_with(b"\x93NUMPY\x01\x00"),
        "{}",
        path.display()
    );
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

pub fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// How many values differ and by how much at most, for a message.
pub fn difference(found: &[u8], expected: &[u8]) -> Option<String> {
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

/// What is wrong with what a preprocessing makes of an image of `out`: STEM.u8.npy has the pixels, STEM.f32.npy what the
/// model is given.
pub fn compare_preprocessed(
    out: &Path,
    name: &str,
    stem: &str,
    preprocess: &Preprocess,
) -> Option<String> {
    let mut pixels = vec![7; preprocess.image_bytes()];
    let path = out.join("images").join(name);
    if let Err(error) = Preprocessor::new(preprocess).load_into(&path, &mut pixels) {
        return Some(error.to_string());
    }
    if let Some(difference) = difference(&pixels, &npy(&out.join(format!("{stem}.u8.npy")))) {
        return Some(difference);
    }
    let mut values = vec![0.0; pixels.len()];
    preprocess.normaliser().normalise_nhwc(&pixels, &mut values);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    (bytes != npy(&out.join(format!("{stem}.f32.npy"))))
        .then(|| "normalised values differ".to_owned())
}

/// Fails with every line of what is wrong among so many cases.
#[track_caller]
pub fn assert_none_wrong(wrong: &[String], cases: usize) {
    assert!(
        wrong.is_empty(),
        "{} of {cases}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A line of `whole.tsv`: what is wrong with the verdict or the pixels of a whole image.
pub fn compare_whole(out: &Path, case: &[String]) -> Option<String> {
    let [name, array] = case else {
        panic!("{case:?}")
    };
    let data = fs::read(out.join("images").join(name)).unwrap();
    match (
        Preprocessor::new(&Preprocess::default()).decode(&data),
        array.as_str(),
    ) {
        (Ok(_), "error") => Some(format!("{name}: read, but Pillow refuses it")),
        (Ok(image), array) => {
            difference(image.pixels(), &npy(&out.join(array))).map(|d| format!("{name} whole: {d}"))
        }
        (Err(_), "error") => None,
        (Err(error), _) => Some(format!("{name}: {error}")),
    }
}
