//! Damaged images: featx takes what Pillow takes, with its pixels, and refuses what Pillow refuses.
//! `tests/make_broken.py` breaks them and asks Pillow. `FEATX_BROKEN=50` breaks ten times as many.

use crate::support::pillow::{compare_whole, made_by, rows};

#[test]
fn verdicts_are_pillows() {
    let count = std::env::var("FEATX_BROKEN").unwrap_or_else(|_| "4".to_owned());
    let out = made_by("make_broken.py", &[&count]);
    let cases = rows(&out.join("whole.tsv"));
    assert!(cases.len() > 300);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| compare_whole(&out, case))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
