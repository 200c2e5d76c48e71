//! Files of some kinds.

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use std::ffi::OsStr;
use std::path::Path;

/// Files with an ending, and folders on the way to them.
pub fn files(typed: &OsStr, endings: &'static [&'static str]) -> Vec<CompletionCandidate> {
    let fits = move |path: &Path| {
        let ending = path.extension().and_then(OsStr::to_str);
        path.is_dir() || ending.is_some_and(|ending| endings.contains(&ending))
    };
    PathCompleter::any().filter(fits).complete(typed)
}

pub fn toml_files(typed: &OsStr) -> Vec<CompletionCandidate> {
    files(typed, &["toml"])
}

pub fn npy_files(typed: &OsStr) -> Vec<CompletionCandidate> {
    files(typed, &["npy"])
}
