//! Options of `featx extract` that decide how, not what: configuration, output, threads.

use crate::support::arrays::assert_near;
use crate::support::extraction::{error_line, extract, extract_ok, only_part};
use crate::support::models::workdir;
use crate::support::workdir::{Ended, Workdir};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

/// What the line on stderr says of the preprocessing.
#[track_caller]
fn preprocessing(dir: &Workdir, args: &str) -> String {
    let said = extract_ok(dir, &format!("{args} --dry-run photos"));
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("preprocessing: "));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn preprocessing_comes_from_options_then_the_toml_then_the_preset_then_imagenet() {
    let dir = workdir("options_preprocessing");
    let model = dir.read("models/resnet_scripted.pt");
    for name in ["mine.pt", "efficientnet_b0.pt"] {
        dir.write(name, &model);
    }
    let of = |args: &str| preprocessing(&dir, &format!("--layer fc --model {args}"));
    assert_eq!(
        of("mine.pt"),
        "resize 256, crop 224, bilinear (ImageNet's usual, for lack of 'mine.toml')"
    );
    assert_eq!(
        of("efficientnet_b0.pt"),
        "resize 256, crop 224, bicubic (preset efficientnet_b0)"
    );
    for name in ["mine", "efficientnet_b0"] {
        dir.write(
            &format!("{name}.toml"),
            "[preprocess]\nresize = 90\ncrop = 70\n",
        );
        let expected = format!("resize 90, crop 70, bilinear ('{name}.toml')");
        assert_eq!(of(&format!("{name}.pt")), expected);
    }
    let overridden = of("mine.pt --resize 80 --interpolation lanczos");
    assert_eq!(overridden, "resize 80, crop 70, lanczos ('mine.toml')");
}

#[test]
fn a_model_is_looked_for_in_featx_models_first() {
    let dir = workdir("options_models");
    dir.write(
        "mine/resnet_scripted.pt",
        dir.read("models/resnet_scripted.pt"),
    );
    let run = |model: &str| {
        let args = [
            "extract",
            "--out",
            "out",
            "--layer",
            "*",
            "--dry-run",
            "--model",
            model,
        ];
        let mut command = dir.command(&args);
        Ended::of(command.arg("photos").env("FEATX_MODELS", "mine"))
    };
    let said = run("resnet_scripted").stderr;
    assert!(
        said.contains("for lack of 'mine/resnet_scripted.toml'"),
        "{said}"
    );
    let said = run("vit_scripted").stderr;
    assert!(said.contains("('models/vit_scripted.toml')"), "{said}");
    assert_eq!(
        error_line(&run("vgg16"), "vgg16", 1),
        "model 'vgg16' not found in mine/ or models/; make it with: scripts/export_model.py vgg16"
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let dir = workdir("options_dry_run");
    let args = "--model resnet_scripted --layer layer1,fc --batch-size 1 --step-size 3 --dry-run";
    let told = extract(&dir, &format!("{args} photos")).stdout;
    for words in ["4 (0 done)", "16.4 kB", "65.7 kB", "layer1", "(16, 16, 16)"] {
        assert!(told.contains(words), "{told}");
    }
    let json = extract(&dir, &format!("{args} --json photos")).stdout;
    let plan: Value = serde_json::from_str(&json).unwrap();
    let row = 4 * (16 * 16 * 16 + 10);
    for (key, value) in [
        ("rows", 4),
        ("rows_done", 0),
        ("bytes_per_row", row),
        ("batch_size", 1),
        ("step_size", 3),
        ("parts", 4),
        ("disk_needed_bytes", 4 * row),
    ] {
        assert_eq!(plan[key], value, "{key}");
    }
    assert!(!dir.path("out").exists());
}

#[test]
fn the_summary_has_these_keys() {
    let dir = workdir("options_json");
    let ended = extract(&dir, "--model resnet_scripted --layer fc --json photos");
    assert_eq!(ended.stdout.lines().count(), 1);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    let keys: Vec<&str> = summary
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        sorted(keys.join(" ").as_str()),
        sorted(
            "images skipped seconds images_per_second peak_rss_bytes ram_budget_bytes parts bytes_written device precision form layers stages"
        )
    );
    assert_eq!(summary["images"], 4);
    assert_eq!(
        (&summary["parts"], &summary["bytes_written"]),
        (&1.into(), &(128 + 4 * 40).into())
    );
    let layers = serde_json::json!([{"name": "fc", "shape": [10], "dtype": "<f4"}]);
    assert_eq!(summary["layers"], layers);
}

fn sorted(words: &str) -> Vec<&str> {
    let mut words: Vec<&str> = words.split(' ').collect();
    words.sort_unstable();
    words
}

#[test]
fn the_command_line_wins_over_the_config() {
    let dir = workdir("options_config");
    dir.write(
        "run.toml",
        "model = 'resnet_scripted'\nlayer = ['layer1', 'layer2']\nimages = 'photos'\nout = 'elsewhere'
dtype = 'f16'\nflatten = true\nbatch-size = 2\nstep-size = 'auto'\nmean = [0.5, 0.5, 0.5]\nquiet = true\n",
    );
    extract_ok(&dir, "--config run.toml --layer fc --dtype f32");
    assert!(!dir.path("elsewhere").exists() && !dir.path("out/layer1").exists());
    let text = String::from_utf8(dir.read("out/run.toml")).unwrap();
    let run: toml::Table = text.parse().unwrap();
    assert_eq!(run["dtype"].as_str(), Some("f32"));
    assert_eq!(run["flatten"].as_bool(), Some(true));
    assert_eq!(run["batch_size"].as_integer(), Some(2));
    assert_eq!(run["preprocess"]["mean"][0].as_float(), Some(0.5));
}

#[test]
fn quiet_says_where_the_pixels_come_from_and_what_was_done() {
    let dir = workdir("options_quiet");
    let said = extract_ok(&dir, "--model resnet_scripted --layer fc --quiet photos");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("preprocessing: ") && lines[1].starts_with("4 images in "));
}

#[test]
fn threads_and_workers_change_no_row() {
    let dir = workdir("options_threads");
    extract_ok(
        &dir,
        "--model resnet_scripted --layer layer3 --workers 5 --threads 1 photos",
    );
    let (_, one) = only_part(&dir, "layer3");
    fs::remove_dir_all(dir.path("out")).unwrap();
    extract_ok(
        &dir,
        "--model resnet_scripted --layer layer3 --workers 1 --threads 2 photos",
    );
    assert_near(&only_part(&dir, "layer3").1, &one, 1e-6);
}

#[test]
fn numbers_larger_than_any_run_mean_all_of_it() {
    let dir = workdir("options_large");
    let largest = usize::MAX;
    let args = format!("--batch-size {largest} --step-size {largest}");
    extract_ok(
        &dir,
        &format!("--model resnet_scripted --layer fc {args} photos"),
    );
    assert_eq!(dir.names("out/fc"), ["features_0000000000-0000000004.npy"]);
}

#[test]
fn a_stdout_that_is_full_is_an_error() {
    let dir = workdir("options_stdout");
    let args = "extract --model resnet_scripted --layer fc --json --out out photos";
    let args: Vec<&str> = args.split(' ').collect();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let child = dir
        .command(&args)
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn();
    let ended = child.unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let last = said.lines().last().unwrap();
    assert_eq!(
        last,
        "error: cannot write to stdout: No space left on device (os error 28)"
    );
    assert!(!said.contains("panicked"), "{said}");
}
