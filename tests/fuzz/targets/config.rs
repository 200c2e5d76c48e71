//! `--config` files: an error, or the options that the command line makes of the same words.
#![no_main]

use clap::Parser;
use featx::cli::extract::Extract;
use featx::cli::{Cli, Command};
use libfuzzer_sys::fuzz_target;
use toml::{Table, Value};

fuzz_target!(|text: &str| {
    let Ok(read) = toml::from_str::<Extract>(text) else { return };
    for number in [read.batch_size, read.step_size] {
        assert!(number.is_none_or(|auto| auto.fixed() != Some(0)));
    }
    assert!(read.checkpoint.is_none_or(|time| !time.is_zero()));
    assert!(read.image_timeout.is_none_or(|time| !time.is_zero()));
    let written = format!("{read:?}");

    // Numbers above i64::MAX are options, but nothing that a table holds.
    let table: Table = toml::from_str(text).unwrap_or_default();
    let words: Option<Vec<_>> = table.iter().map(|(key, value)| typed(key, value)).collect();
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        let words = ["featx", "extract"].map(String::from).into_iter().chain(words.into_iter().flatten());
        match Cli::try_parse_from(words) {
            Ok(Cli { command: Command::Extract(typed) }) => assert_eq!(format!("{typed:?}"), written),
            Ok(_) => panic!("not extract"),
            Err(error) => panic!("{error}"),
        }
    }

    // What is typed wins, and what is not typed stays.
    assert_eq!(format!("{:?}", Extract::default().or(read)), written);
    let again: Extract = toml::from_str(text).expect("as before");
    assert_eq!(format!("{:?}", again.or(Extract { json: true, ..Extract::default() }).json), "true");
});

/// A key and its value as words of the command line; nothing where it has no such words: an empty path, no numbers.
fn typed(key: &str, value: &Value) -> Option<Vec<String>> {
    match value {
        // The one without a name; it may begin with a dash.
        Value::String(_) if key == "images" => Some(vec![text(value)?]).filter(|words| !words[0].starts_with('-')),
        Value::Boolean(false) => Some(vec![]),
        Value::Boolean(true) => Some(vec![format!("--{key}")]),
        Value::Array(values) if key == "layer" => {
            values.iter().map(|value| Some(format!("--{key}={}", text(value)?))).collect()
        }
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) => {
            let numbers: Option<Vec<String>> = values.iter().map(text).collect();
            Some(vec![format!("--{key}={}", numbers?.join(","))])
        }
        value => Some(vec![format!("--{key}={}", text(value)?)]),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Integer(number) => Some(number.to_string()),
        // As Rust writes it, it reads it; -0 and NaN are written as they are.
        Value::Float(number) => Some(format!("{number:?}")),
        _ => None,
    }
}
