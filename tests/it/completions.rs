//! What featx answers a shell at the TAB; scripts/check_completions.py asks through the shells themselves.

use crate::support::models::workdir;
use crate::support::workdir::Workdir;

/// The candidates for the last word of the line.
fn offered(dir: &Workdir, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = dir.command(&["--"]);
    command.args(&words).env("FEATX_COMPLETE", "bash");
    command
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    let done = command.output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{line}");
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn layers_of_the_model_on_the_line_are_offered() {
    let dir = workdir("completions_layers");
    let model = "models/resnet_scripted.pt";
    let line = format!("featx extract --model {model} --layer ");
    // Nobody waits for longer than three seconds at a TAB; a machine that runs tests may need more.
    let mut tries = (0..10).map(|_| offered(&dir, &line));
    let all = tries.find(|names| !names.is_empty()).unwrap();
    assert_eq!(
        all,
        dir.featx_ok(&["inspect", "--layer-names", model])
            .lines()
            .collect::<Vec<_>>()
    );
    let line = format!("featx extract --model={model} --layer x,{}", all[0]);
    let mut tries = (0..10).map(|_| offered(&dir, &line));
    let listed = tries.find(|names| !names.is_empty()).unwrap();
    assert!(listed.contains(&format!("x,{}", all[0])), "{listed:?}");
    assert_eq!(
        offered(&dir, "featx extract --model models/none.pt --layer "),
        [""; 0]
    );
}

#[test]
fn models_presets_and_endings_are_offered() {
    let dir = workdir("completions_models");
    let models = offered(&dir, "featx extract --model resnet");
    assert!(models.contains(&"resnet50".to_owned()), "{models:?}");
    assert_eq!(
        offered(&dir, "featx merge out --out rows.saf"),
        ["rows.safetensors"]
    );
    assert!(!offered(&dir, "featx ").contains(&"man".to_owned()));
}

#[test]
fn manual_pages_are_written() {
    let dir = workdir("completions_man");
    dir.featx_ok(&["man", "man1"]);
    let pages =
        ["extract", "inspect", "merge", "split"].map(|command| format!("featx-{command}.1"));
    let mut names = dir.names("man1");
    names.sort();
    assert_eq!(names, [&pages[..], &["featx.1".to_owned()]].concat());
    assert!(dir.featx_ok(&["man"]).contains(".TH featx 1"));
}
