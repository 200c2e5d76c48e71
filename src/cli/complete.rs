//! What a shell offers at a TAB: names of layers and models, and files of the kinds that an option takes.
//!
//! The shell starts `featx` with `FEATX_COMPLETE` set and the command line after `--`; clap's engine finds the option, and asks
//! here for its values. Whatever goes wrong, nothing is offered: a message would land in the middle of the line.

use crate::cli::Cli;
use crate::export;
use crate::run::contents::Sources;
use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Set by the scripts of `featx completions`, to the shell's name.
pub const VARIABLE: &str = "FEATX_COMPLETE";

/// Answers a shell that asks, and ends the process; returns otherwise.
pub fn answer() {
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .complete();
}

/// The words of the line that is being typed, without `featx`.
fn line() -> Vec<OsString> {
    let words = env::args_os().skip_while(|word| word != "--");
    words.skip(2).collect()
}

/// Layers of the run that `merge` names.
pub fn merged_layers(typed: &OsStr) -> Vec<CompletionCandidate> {
    let line = line();
    let mut found = line.iter().filter_map(|word| {
        let path = Path::new(word);
        path.is_dir().then(|| Sources::find(path).ok()).flatten()
    });
    let names = found.next().map(|sources| sources.layer_names());
    after_commas(typed, names.unwrap_or_default())
}

/// Where `merge` writes: paths as they are, or the name so far with each ending.
pub fn merged_file(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::any().complete(typed);
    let Some(stem) = typed.to_str().filter(|stem| !stem.ends_with('/')) else {
        return found;
    };
    let (stem, ending_so_far) = match stem.rsplit_once('.') {
        Some((before, ending)) if !ending.contains('/') => (before, ending),
        _ => (stem, ""),
    };
    let stem = if stem.is_empty() { "features" } else { stem };
    let endings = export::endings().filter(|ending| ending.starts_with(ending_so_far));
    found.extend(endings.map(|ending| CompletionCandidate::new(format!("{stem}.{ending}"))));
    found
}

/// Files with an ending, and folders on the way to them.
fn files(typed: &OsStr, endings: &'static [&'static str]) -> Vec<CompletionCandidate> {
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

/// Of a list with commas in it, the last name.
fn after_commas(typed: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let (before, prefix) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
    let fitting = names.iter().filter(|name| name.starts_with(prefix));
    fitting
        .map(|name| CompletionCandidate::new(format!("{before}{name}")))
        .collect()
}

#[cfg(feature = "torch")]
pub use models::{inspected, layers, models};

#[cfg(feature = "torch")]
mod models {
    use super::{after_commas, files, line};
    use crate::cli::model::{find_model, model_files};
    use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
    use std::collections::BTreeMap;
    use std::ffi::{OsStr, OsString};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};
    use std::{env, thread};

    // `NAMES: &[&str]`, the presets, sorted; made by the build script.
    include!(concat!(env!("OUT_DIR"), "/preset_names.rs"));

    /// Nobody waits longer for a TAB.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// Models by name, those whose file is there first, and model files.
    pub fn models(typed: &OsStr) -> Vec<CompletionCandidate> {
        let mut found = named(typed);
        found.extend(files(typed, &["pt", "pt2"]));
        found
    }

    /// What `inspect` looks at: whatever is there, or a model by name.
    pub fn inspected(typed: &OsStr) -> Vec<CompletionCandidate> {
        let mut found = PathCompleter::any().complete(typed);
        found.extend(named(typed));
        found
    }

    fn named(typed: &OsStr) -> Vec<CompletionCandidate> {
        let typed = typed.to_string_lossy();
        let files: BTreeMap<String, PathBuf> = model_files().collect();
        let there = files
            .iter()
            .map(|(name, file)| (name.clone(), file.display().to_string()));
        let presets = NAMES.iter().filter(|name| !files.contains_key(**name));
        let presets = presets.map(|name| ((*name).to_owned(), "not exported yet".to_owned()));
        let all = there.chain(presets).enumerate();
        all.filter(|(_, (name, _))| name.starts_with(&*typed))
            .map(|(order, (name, help))| {
                CompletionCandidate::new(name)
                    .help(Some(help.into()))
                    .display_order(Some(order))
            })
            .collect()
    }

    /// Layers of the model that the line names.
    pub fn layers(typed: &OsStr) -> Vec<CompletionCandidate> {
        let names = value_of(&line(), "--model").and_then(|model| layer_names(&model));
        after_commas(typed, names.unwrap_or_default())
    }

    /// The value of an option, in any form; bash makes a word of the `=`.
    fn value_of(line: &[OsString], option: &str) -> Option<String> {
        let mut words = line.iter().map(|word| word.to_string_lossy());
        while let Some(word) = words.next() {
            if word == option {
                let value = words.next()?;
                let value = if value == "=" { words.next()? } else { value };
                return Some(value.into_owned());
            }
            if let Some(value) = word
                .strip_prefix(option)
                .and_then(|rest| rest.strip_prefix('='))
            {
                return Some(value.to_owned());
            }
        }
        None
    }

    /// Told by another process, which loads the model, and which is given up where that takes long.
    fn layer_names(model: &str) -> Option<Vec<String>> {
        let file = find_model(model).ok()?;
        let mut child = Command::new(env::current_exe().ok()?)
            .args([
                OsStr::new("inspect"),
                OsStr::new("--layer-names"),
                file.as_os_str(),
            ])
            .env_remove(super::VARIABLE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut pipe = child.stdout.take()?;
        let read = thread::spawn(move || std::io::read_to_string(&mut pipe));
        if !ended_in_time(&mut child) {
            child.kill().ok()?;
            child.wait().ok()?;
            return None;
        }
        let text = read.join().ok()?.ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }

    fn ended_in_time(child: &mut Child) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(_) => return false,
            }
        }
        false
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_model_of_a_line_is_found_in_every_form() {
            for line in [
                "extract --model vgg16 --layer",
                "extract --model=vgg16",
                "--model = vgg16",
            ] {
                let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
                assert_eq!(
                    value_of(&words, "--model").as_deref(),
                    Some("vgg16"),
                    "{line}"
                );
            }
            assert_eq!(value_of(&["--model".into()], "--model"), None);
            assert!(NAMES.is_sorted() && NAMES.contains(&"vgg16"));
        }
    }
}
