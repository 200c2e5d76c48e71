//! `--device` and `--precision` where no GPU is needed: what is refused, what is said, and several replicas at once.
//! `scripts/gpu_check.sh` is for what needs one.

use crate::support::arrays::assert_near;
use crate::support::extraction::{error_line, extract, extract_ok, only_part, refused};
use crate::support::models::workdir;
use crate::support::workdir::{Ended, Workdir};
use serde_json::Value;
use std::fs;
use std::process::Command;

#[test]
fn devices_that_nobody_has_are_wrong_usage() {
    let dir = workdir("devices_usage");
    let value = "invalid value";
    let of = "for '--device <DEVICE>':";
    let names = "expected auto, cpu, cuda, cuda:1, cuda:0,cuda:1 or cuda:all, found";
    let args = "--model resnet_scripted --layer fc";
    let table = [
        ("gpu", format!("{names} 'gpu'")),
        ("cuda:", format!("{names} 'cuda:'")),
        ("cuda:-1", format!("{names} 'cuda:-1'")),
        ("cuda:999", format!("{names} 'cuda:999'")),
        ("cuda:0,all", format!("{names} 'all'")),
        ("auto,cpu", format!("{names} 'auto'")),
        ("cpu,cuda", "the CPU and GPUs cannot be mixed".into()),
        ("cuda,cuda:0", "'cuda:0' is named twice".into()),
    ];
    let lines = table.map(|(device, reason)| {
        format!("{args} --device {device} photos => {value} '{device}' {of} {reason}\n")
    });
    refused(&dir, 2, &lines.concat());
    for key in ["device = 'gpu'", "device = 0", "precision = 'f64'"] {
        dir.write("run.toml", key);
        let args = format!("{args} --config run.toml photos");
        let line = error_line(&extract(&dir, &args), &args, 1);
        assert!(line.starts_with("'run.toml' line 1: "), "{line}");
    }
}

/// `featx extract` of `fc` where no GPU can be seen, whatever the machine has.
fn without_gpu(dir: &Workdir, device: &str) -> Ended {
    let args = "extract --model resnet_scripted --layer fc --out out photos --json --device";
    let args: Vec<&str> = args.split(' ').chain([device]).collect();
    let mut command = dir.command(&args);
    Ended::whole(command.env("CUDA_VISIBLE_DEVICES", ""))
}

/// Whether it says why there is no GPU: no driver, no library, or none is seen.
fn is_a_reason(text: &str) -> bool {
    ["no NVIDIA driver (", "libtorch", "no GPU answers"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

#[test]
fn a_gpu_that_does_not_answer_is_refused() {
    let dir = workdir("devices_refused");
    for (device, named) in [
        ("cuda", "cuda:0"),
        ("cuda:3", "cuda:3"),
        ("cuda:1,cuda:0", "cuda:1"),
        ("cuda:all", "cuda:all"),
    ] {
        let line = error_line(&without_gpu(&dir, device), device, 1);
        let beginning =
            format!("--device {named} cannot be used; fix that, or pass --device cpu: ");
        let reason = line.strip_prefix(&beginning);
        assert!(reason.is_some_and(is_a_reason), "{line}");
        assert!(!dir.path("out").exists());
    }
}

#[test]
fn a_driver_without_a_gpu_is_told_from_none() {
    let dir = workdir("devices_driver");
    dir.write("driver.c", "int cuInit(unsigned flags) { return 100; }\n");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o", "libcuda.so.1", "driver.c"]);
    assert!(cc.current_dir(dir.path("")).status().unwrap().success());
    let args = "extract --model resnet_scripted --layer fc --device cuda --out out photos";
    let mut command = dir.command(&args.split(' ').collect::<Vec<_>>());
    let ended = Ended::whole(command.env("LD_LIBRARY_PATH", dir.path("")));
    let line = error_line(&ended, args, 1);
    assert!(
        line.ends_with("--device cpu: no GPU answers; CUDA_VISIBLE_DEVICES may hide it"),
        "{line}"
    );
}

#[test]
fn auto_takes_the_cpu_where_no_gpu_answers_and_says_why() {
    let dir = workdir("devices_auto");
    let ended = without_gpu(&dir, "auto");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = ended.stderr.lines().next().unwrap();
    let reason = said
        .strip_prefix("device: cpu (auto: ")
        .and_then(|rest| rest.strip_suffix(')'));
    assert!(reason.is_some_and(is_a_reason), "{said}");
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&summary["device"], &summary["precision"]),
        (&"cpu".into(), &"f32".into())
    );
}

#[test]
fn the_config_names_device_and_precision_and_the_command_line_wins() {
    let dir = workdir("devices_config");
    dir.write(
        "run.toml",
        "device = 'cpu,cpu'\nprecision = 'bf16'\ntf32 = true\n",
    );
    let args = "--model resnet_scripted --layer fc --config run.toml --json photos";
    for (more, device, precision) in [
        ("", "cpu,cpu", "bf16"),
        ("--device cpu --precision f32 --overwrite", "cpu", "f32"),
    ] {
        let ended = extract(&dir, &format!("{args} {more}"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(summary["device"], device);
        assert_eq!(summary["precision"], precision);
    }
}

#[test]
fn half_precisions_are_near_and_are_not_mixed_with_others() {
    let args = "--device cpu --model resnet_scripted --layer layer2,fc photos --precision";
    let dir = workdir("devices_precision");
    extract_ok(&dir, &format!("{args} f32"));
    let whole = ["layer2", "fc"].map(|layer| only_part(&dir, layer));
    for precision in ["bf16", "f16"] {
        let line = error_line_of(&dir, &format!("{args} {precision}"));
        let expected = format!(
            "'out' holds a run with precision f32, this one asks for {precision}; choose another --out or pass --overwrite"
        );
        assert_eq!(line, expected);
    }
    for precision in ["bf16", "f16"] {
        extract_ok(&dir, &format!("{args} {precision} --overwrite"));
        for (layer, (shape, expected)) in ["layer2", "fc"].iter().zip(&whole) {
            let (found_shape, found) = only_part(&dir, layer);
            assert_eq!(&found_shape, shape);
            assert_near(&found, expected, 2e-2);
            assert_ne!(&found, expected, "{layer} was not computed in {precision}");
        }
        let run = fs::read_to_string(dir.path("out/run.toml")).unwrap();
        let run: toml::Table = run.parse().unwrap();
        assert_eq!(run["precision"].as_str(), Some(precision));
    }
}

/// The error of a run that must fail, whatever it said before.
#[track_caller]
fn error_line_of(dir: &Workdir, args: &str) -> String {
    let ended = extract(dir, args);
    assert_eq!(ended.code, Some(1), "{args}: {}", ended.stderr);
    let line = ended.stderr.lines().last().unwrap();
    line.strip_prefix("error: ").unwrap().to_owned()
}
