//! Every key of `[preprocess]` gives what the library that it copies gives, bit for bit. `tests/make_preprocess.py` asks
//! the libraries.

use crate::support::pillow::{assert_none_wrong, compare_preprocessed, made_by, rows};
use featx::images::Preprocess;
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
    compare_preprocessed(out, name, stem, &preprocess).and_then(wrong)
}

#[test]
fn every_key_gives_what_the_library_that_it_copies_gives() {
    let out = made_by("make_preprocess.py", &[]);
    let cases = rows(&out.join("cases.tsv"));
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| compare_case(&out, case))
        .collect();
    assert_none_wrong(&wrong, cases.len());
}
