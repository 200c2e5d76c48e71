//! Models, and their layers.

use crate::cli::complete::files::files;
use crate::cli::complete::line::{VARIABLE, after_commas, line};
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
        .env_remove(VARIABLE)
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
