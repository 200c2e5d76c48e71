//! Every kind of file of the rare formats gives Pillow's pixels or is refused in words: the short form of
//! `scripts/check_formats.py`. The others' are in `pixels.rs`.

use crate::support::pillow::{difference, made_by, npy, rows};
use featx::images::{Preprocess, Preprocessor};
use std::collections::BTreeSet;
use std::fs;

/// Of what Pillow reads.
const REFUSED: [&str; 4] = [
    "PNM whose largest value is even, or between 256 and 65534 (pamdepth 255 scales it)",
    "",
    "",
    "",
];

#[test]
fn rare_formats_are_pillows_or_refused() {
    let out = made_by("make_formats.py", &[]);
    let (mut wrong, mut refused, mut equal) = (Vec::new(), BTreeSet::new(), 0);
    for case in rows(&out.join("whole.tsv")) {
        let [name, array] = &case[..] else {
            panic!("{case:?}")
        };
        let data = fs::read(out.join("images").join(name)).unwrap();
        match (
            Preprocessor::new(&Preprocess::default()).decode(&data),
            array.as_str(),
        ) {
            (Ok(_), "error") => wrong.push(format!("{name}: taken, but Pillow refuses it")),
            (Ok(image), array) => match difference(image.pixels(), &npy(&out.join(array))) {
                Some(difference) => wrong.push(format!("{name}: {difference}")),
                None => equal += 1,
            },
            (Err(_), "error") => {}
            (Err(reason), _) => drop(refused.insert(reason.to_string())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refused, REFUSED.map(String::from).into());
    assert_eq!(equal, 0);
}
