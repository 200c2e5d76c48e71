//! Every key of `[preprocess]` gives what the library that it copies gives, bit for bit. `tests/make_preprocess.py` asks
//! the libraries.

use crate::support::pillow::{difference, made_by, npy, rows};
use featx::images::{Preprocess, Preprocessor};
use std::path::Path;

fn compare_case(out: &Path, case: &[String]) -> Option<String> {
    let [name, stem] = case else {
        panic!("{case:?}")
    };
    let toml = std::fs::read_to_string(out.join(format!("{stem}.toml"))).unwrap();
    let wrong = |words: String| {
        let keys = toml.replace('\n', ", ");
        Some(format!("{name}, {keys}: {words}"))
    };
    let preprocess: Preprocess = toml::from_str(&toml).unwrap();
    if let Err(error) = preprocess.validate() {
        return wrong(error.to_string());
    }
    let mut pixels = vec![7; preprocess.image_bytes()];
    let path = out.join("images").join(name);
    if let Err(error) = Preprocessor::new(&preprocess).load_into(&path, &mut pixels) {
        return wrong(error.to_string());
    }
    if let Some(difference) = difference(&pixels, &npy(&out.join(format!("{stem}.u8.npy")))) {
        return wrong(difference);
    }
    let mut values = vec![0.0; pixels.len()];
    preprocess.normaliser().normalise_nhwc(&pixels, &mut values);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let expected = npy(&out.join(format!("{stem}.f32.npy")));
    match bytes == expected {
        true => None,
        false => wrong("normalised values differ".to_owned()),
    }
}

#[test]
fn every_key_gives_what_the_library_that_it_copies_gives() {
    let out = made_by("make_preprocess.py", &[]);
    let cases = rows(&out.join("cases.tsv"));
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| compare_case(&out, case))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
