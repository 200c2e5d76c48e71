//! The line that is being typed.

use clap_complete::engine::CompletionCandidate;
use std::env;
use std::ffi::{OsStr, OsString};

/// Set by the scripts of `featx completions`, to the shell's name.
pub const VARIABLE: &str = "FEATX_COMPLETE";

/// The words of the line that is being typed, without `featx`.
pub fn line() -> Vec<OsString> {
    let words = env::args_os().skip_while(|word| word != "--");
    words.skip(2).collect()
}

/// Of a list with commas in it, the last name.
pub fn after_commas(typed: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let (before, prefix) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
    let fitting = names.iter().filter(|name| name.starts_with(prefix));
    fitting
        .map(|name| CompletionCandidate::new(format!("{before}{name}")))
        .collect()
}
