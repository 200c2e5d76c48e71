//! Runs that featx 0.1.0 wrote (`tests/fixtures/run_0_1_0`): today's featx goes on with them, merges and inspects them.

use crate::sources::shell;
use crate::support::arrays::{assert_near, values};
use crate::support::workdir::Workdir;
use std::path::Path;

const ARGS: &str =
    "extract --model model.pt --layer conv,fc --batch-size 2 --step-size 2 --on-error skip images";
const LAYERS: [&str; 2] = ["conv", "fc"];

/// A directory with a run of 0.1.0 as `out`, its model and its images.
fn with_run(name: &str, run: &str) -> Workdir {
    let dir = Workdir::new(name);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let script = format!(
        "mkdir images; cp '{tests}'/photos/*.jpg '{tests}'/photos/*.png '{tests}'/photos/*.webp images\n\
         printf 'no image' > images/broken.jpg\n\
         cp '{tests}'/fixtures/run_0_1_0/model.* .; cp -r '{tests}/fixtures/run_0_1_0/{run}' out",
        tests = tests.display()
    );
    shell(&dir, &script);
    dir
}

/// Extracts to `out`, with `more`; what it said on stderr.
#[track_caller]
fn extract_to(dir: &Workdir, out: &str, more: &[&str]) -> String {
    let args: Vec<&str> = ARGS.split(' ').chain(["--out", out]).collect();
    let ended = dir.featx(&[&args, more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stderr
}

/// The merged rows of both layers are those of a new run, to the last digits, which differ between processors.
#[track_caller]
fn has_the_rows_of_a_new_run(dir: &Workdir) {
    extract_to(dir, "new", &[]);
    dir.featx_ok(&["merge", "new", "--quiet"]);
    for layer in LAYERS {
        let rows = |run: &str| values(&dir.path(&format!("{run}/{layer}/features.npy")));
        let ((shape, found), (new_shape, expected)) = (rows("out"), rows("new"));
        assert_eq!(shape, new_shape);
        assert_eq!(
            numbers_that_are_nan(&found),
            numbers_that_are_nan(&expected)
        );
        let finite = |values: Vec<f64>| values.into_iter().filter(|v| v.is_finite()).collect();
        let (found, expected): (Vec<f64>, Vec<f64>) = (finite(found), finite(expected));
        assert_near(&found, &expected, 1e-6);
    }
}

fn numbers_that_are_nan(values: &[f64]) -> Vec<usize> {
    (0..values.len())
        .filter(|&at| values[at].is_nan())
        .collect()
}

#[test]
fn a_run_of_0_1_0_that_lacks_parts_goes_on() {
    let dir = with_run("runs_of_0_1_0/lacks", "whole");
    let kept = "out/conv/features_0000000000-0000000004.npy";
    let before = (dir.read(kept), dir.read("out/run.toml"), dir.names("out"));
    shell(
        &dir,
        "rm out/conv/features_0000000004-* out/fc/features_0000000004-* out/fc/features_0000000012-*",
    );
    let said = extract_to(&dir, "out", &[]);
    assert!(
        said.contains("resuming 'out': 8 of 13 rows are done"),
        "{said}"
    );
    assert!(before.0 == dir.read(kept) && before.1 == dir.read("out/run.toml"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert!(
        errors.starts_with("row,path,reason\n1,broken.jpg,"),
        "{errors}"
    );
    dir.featx_ok(&["merge", "out", "--quiet"]);
    has_the_rows_of_a_new_run(&dir);
}

#[test]
fn a_whole_run_of_0_1_0_is_inspected_merged_and_done() {
    let dir = with_run("runs_of_0_1_0/whole", "whole");
    let inspected = dir.featx_ok(&["inspect", "out"]);
    for words in ["0.1.0", "13 of 13", "4 parts"] {
        assert!(inspected.contains(words), "{inspected}");
    }
    let verified = dir.featx_ok(&["inspect", "out", "--verify"]);
    let words = "not verified: 8 files of earlier versions or from elsewhere, without a checksum\n";
    assert!(verified.contains(words), "{verified}");
    let said = extract_to(&dir, "out", &[]);
    assert!(
        said.contains("resuming 'out': 13 of 13 rows are done"),
        "{said}"
    );
    dir.featx_ok(&["merge", "out", "--remove-parts", "--quiet"]);
    assert_eq!(dir.names("out/conv"), ["features.npy"]);
    has_the_rows_of_a_new_run(&dir);
}

#[test]
fn the_other_shard_of_a_run_of_0_1_0_is_computed() {
    let dir = with_run("runs_of_0_1_0/shard", "shard");
    let inspected = dir.featx_ok(&["inspect", "out"]);
    assert!(
        inspected.ends_with("shards: 1 of 2 done\nmissing: --array=1\n"),
        "{inspected}"
    );
    extract_to(&dir, "out", &["--shard", "1/2"]);
    dir.featx_ok(&["merge", "out", "--quiet"]);
    has_the_rows_of_a_new_run(&dir);
}
