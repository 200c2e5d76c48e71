//! `featx extract` into a directory that is there already.

use crate::support::extraction::{error_line, extract, extract_ok, only_part};
use crate::support::models::workdir;
use crate::support::workdir::{Ended, Workdir};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn the_same_command_again_computes_what_is_missing() {
    let dir = workdir("options_resume");
    let args =
        "--model resnet_scripted --layer layer4,fc --batch-size 1 --step-size 2 --json photos";
    extract_ok(&dir, args);
    let parts = || {
        ["layer4", "fc"].map(|layer| {
            let folder = format!("out/{layer}");
            let inode = |name| dir.path(&folder).join(name).metadata().unwrap().ino();
            dir.names(&folder)
                .into_iter()
                .map(inode)
                .collect::<Vec<_>>()
        })
    };
    let images = |said: Ended| {
        let summary: Value = serde_json::from_str(&said.stdout).unwrap();
        (summary["images"].clone(), summary["parts"].clone())
    };
    let before = parts();
    assert_eq!(images(extract(&dir, args)), (0.into(), 0.into()));
    assert_eq!(parts(), before);

    let part = "out/fc/features_0000000002-0000000004.npy";
    let rows = dir.read(part);
    fs::remove_file(dir.path(part)).unwrap();
    assert_eq!(images(extract(&dir, args)), (2.into(), 1.into()));
    assert!(dir.read(part) == rows);
    assert_eq!(parts()[0], before[0]);
}

#[test]
fn a_directory_of_another_run_is_refused_and_stays() {
    let dir = workdir("options_another_run");
    extract_ok(&dir, "--model resnet_scripted --layer fc photos");
    let before = (dir.read("out/run.toml"), only_part(&dir, "fc"));
    for (args, held, asked) in [
        ("--layer avgpool", "layer fc", "avgpool"),
        ("--layer fc --dtype f16", "dtype f32", "f16"),
        ("--layer fc --resize 90", "resize 72", "90"),
    ] {
        let ended = extract(&dir, &format!("--model resnet_scripted {args} photos"));
        let expected = format!(
            "'out' holds a run with {held}, this one asks for {asked}; choose another --out or pass --overwrite"
        );
        assert_eq!(error_line(&ended, args, 1), expected);
    }
    assert_eq!(before, (dir.read("out/run.toml"), only_part(&dir, "fc")));
}

#[test]
fn files_beside_a_run_stay_and_stop_nothing() {
    let dir = workdir("options_beside");
    dir.write("out/notes.txt", "mine");
    extract_ok(&dir, "--model resnet_scripted --layer fc photos");
    assert_eq!(dir.read("out/notes.txt"), b"mine");
    dir.write("other/fc/features_0000000000-0000000004.npy", "mine");
    let ended = dir.featx(&[
        "extract",
        "--model",
        "resnet_scripted",
        "--layer",
        "fc",
        "--out",
        "other",
        "photos",
    ]);
    let line = error_line(&ended, "parts without run.toml", 1);
    let expected =
        "'other/fc' holds parts of a run without run.toml; choose another --out or remove them";
    assert_eq!(line, expected);
    assert_eq!(
        dir.names("other/fc"),
        ["features_0000000000-0000000004.npy"]
    );
}

/// The first image of the list is not there: `run.toml` is written, and no row.
fn failed_start(dir: &Workdir, more: &str) {
    dir.write("list.txt", "gone.jpg\nstream.jpg\nlamp.png\n");
    let args = format!("--model resnet_scripted --layer fc --list list.txt photos {more}");
    let ended = extract(dir, &args);
    assert_eq!(ended.code, Some(1));
    assert!(dir.path("out/run.toml").exists(), "{}", ended.stderr);
    dir.write("list.txt", "lamp.png\nstream.jpg\n");
}

#[test]
fn after_a_failed_start_the_corrected_command_takes_over() {
    let corrected = "--model resnet_scripted --layer layer4,fc --dtype f16 --list list.txt photos --batch-size 1";
    for (name, first, second) in [
        ("whole", "", ""),
        ("to_shards", "", "--shard 0/2"),
        ("shards", "--batch-size 1 --shard 0/2", "--shard 0/2"),
        ("other_shards", "--batch-size 1 --shard 0/3", "--shard 1/2"),
        ("to_whole", "--batch-size 1 --shard 0/2", ""),
    ] {
        let dir = workdir(&format!("again_failed_{name}"));
        failed_start(&dir, first);
        let dry = extract(&dir, &format!("{corrected} {second} --dry-run"));
        assert_eq!(dry.code, Some(0), "{name}: {}", dry.stderr);
        assert!(!dir.path("out/layer4").exists());
        let said = extract_ok(&dir, &format!("{corrected} {second}"));
        let line = "'out' held a run with no row of any image; starting over\n";
        assert!(said.contains(line), "{name}: {said}");
        assert_eq!(dir.read("out/file_names.txt"), b"lamp.png\nstream.jpg\n");
        assert!(
            dir.names("out/layer4")[0].starts_with("features_"),
            "{name}"
        );
    }
}

#[test]
fn one_sealed_row_binds() {
    let dir = workdir("again_bound");
    dir.write("list.txt", "stream.jpg\ngone.jpg\n");
    let args = "--model resnet_scripted --layer fc --batch-size 1 --list list.txt photos";
    assert_eq!(extract(&dir, args).code, Some(1));
    let other = args.replace("fc", "avgpool");
    let expected = "'out' holds a run with layer fc, this one asks for avgpool; choose another --out or pass --overwrite";
    assert_eq!(error_line(&extract(&dir, &other), &other, 1), expected);
    let ended = extract(&dir, &format!("{other} --shard 0/2"));
    assert!(
        ended.stderr.contains("'out' holds a run by one process"),
        "{}",
        ended.stderr
    );
    assert_eq!(dir.names("out/fc").len(), 1);
}
