//! Runs of `featx extract` in a test: those that must succeed, and those that must be refused.

use crate::support::arrays::values;
use crate::support::workdir::{Ended, Workdir};

/// `featx extract --out out`, then `args`.
pub fn extract(dir: &Workdir, args: &str) -> Ended {
    let args: Vec<&str> = args.split_whitespace().collect();
    dir.featx(&[&["extract", "--out", "out"], args.as_slice()].concat())
}

/// As [`extract`], which must succeed; what it said on stderr.
#[track_caller]
pub fn extract_ok(dir: &Workdir, args: &str) -> String {
    let ended = extract(dir, args);
    assert_eq!(ended.code, Some(0), "{args}: {}", ended.stderr);
    ended.stderr
}

/// Shape and values of a layer's only part.
#[track_caller]
pub fn only_part(dir: &Workdir, layer: &str) -> (Vec<u64>, Vec<f64>) {
    let folder = format!("out/{layer}");
    let parts = dir.names(&folder);
    assert_eq!(parts.len(), 1, "{parts:?}");
    values(&dir.path(&folder).join(&parts[0]))
}

/// Beginnings of lines that may come before the error.
const NOTICES: [&str; 5] = [
    "warning: ",
    "preprocessing: ",
    "left out",
    "'models/packed",
    "1 other file",
];

/// Words of a program that crashed instead of saying what is wrong.
pub const CRASHED: [&str; 6] = [
    "panicked",
    "backtrace",
    "terminate called",
    "INTERNAL ASSERT",
    "Traceback",
    "Exception raised from",
];

/// The error line of a run that failed with `code`, and left no directory.
#[track_caller]
pub fn refusal(dir: &Workdir, args: &str, code: i32) -> String {
    let ended = extract(dir, args);
    assert!(
        !dir.path("out").exists(),
        "{args} left {:?}",
        dir.names("out")
    );
    error_line(&ended, args, code)
}

/// The error line of a run that failed with `code`.
#[track_caller]
pub fn error_line(ended: &Ended, args: &str, code: i32) -> String {
    let Ended { stdout, stderr, .. } = ended;
    assert_eq!(ended.code, Some(code), "{args}: {stderr}");
    assert_eq!(stdout, "", "{args}");
    for words in CRASHED {
        assert!(!stderr.contains(words), "{args}: {stderr}");
    }
    let (errors, others): (Vec<&str>, Vec<&str>) =
        stderr.lines().partition(|line| line.starts_with("error: "));
    assert_eq!(errors.len(), 1, "{args}: {stderr}");
    // clap prints usage after a wrong command line.
    if code == 1 {
        let known = |line: &&str| NOTICES.iter().any(|notice| line.starts_with(notice));
        assert!(others.iter().all(known), "{args}: {stderr}");
        assert_eq!(stderr.lines().last(), Some(errors[0]), "{args}");
    }
    errors[0]["error: ".len()..].to_owned()
}

/// Each line of a table: arguments => the error, or its beginning where it ends in `...`.
#[track_caller]
pub fn refused(dir: &Workdir, code: i32, table: &str) {
    let cases = table.lines().map(str::trim).filter(|line| !line.is_empty());
    for case in cases {
        let (args, expected) = case.split_once(" => ").unwrap();
        let line = refusal(dir, args, code);
        match expected.strip_suffix("...") {
            Some(beginning) => assert!(line.starts_with(beginning), "{args}: {line}"),
            None => assert_eq!(line, expected, "{args}"),
        }
    }
}
