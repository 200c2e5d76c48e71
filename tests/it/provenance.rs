//! What a run was computed with: `--form`, and what the summary, `run.toml` and a resume say of it.

use crate::faults::make_images;
use crate::support::workdir::Workdir;
use serde_json::Value;
use std::fs;

/// The summary of a long run, in parts of 40 rows.
#[track_caller]
fn summary(dir: &Workdir, more: &str) -> Value {
    let args = "extract --model resnet_scripted.pt --layer layer4 --device cpu --batch-size 2 --step-size 20 --json";
    let args = format!("{args} --out out {more}");
    let ended = dir.featx(&args.split_whitespace().collect::<Vec<_>>());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    summary["said"] = ended.stderr.into();
    summary
}

fn run_toml(dir: &Workdir) -> toml::Table {
    let text = String::from_utf8(dir.read("out/run.toml")).unwrap();
    text.parse().unwrap()
}

fn lose_a_part(dir: &Workdir) {
    fs::remove_file(dir.path("out/layer4/features_0000000040-0000000080.npy")).unwrap();
}

#[test]
fn a_run_says_what_computed_it() {
    let dir = Workdir::new("provenance_run");
    make_images(&dir);
    let form = summary(&dir, "")["form"].clone();
    assert!(form == "joined" || form == "fused", "{form}");
    let run = run_toml(&dir);
    assert_eq!(run["device"].as_str(), Some("cpu"));
    assert_eq!(run["form"].as_str(), form.as_str());
    assert_eq!(run["libtorch"].as_str(), Some("2.11.0"));
    let plain = summary(&dir, "--form plain --overwrite");
    assert_eq!(plain["form"], "plain");
    assert_eq!(run_toml(&dir)["form"].as_str(), Some("plain"));
}

#[test]
fn going_on_in_another_form_or_on_another_device_is_said() {
    let dir = Workdir::new("provenance_resume");
    make_images(&dir);
    let faster = "--form faster"; // whatever the machine is busy with
    let form = summary(&dir, faster)["form"].as_str().unwrap().to_owned();
    lose_a_part(&dir);
    let same = summary(&dir, faster)["said"].clone();
    assert!(!same.as_str().unwrap().contains("began with"), "{same}");

    lose_a_part(&dir);
    let text = String::from_utf8(dir.read("out/run.toml")).unwrap();
    dir.write(
        "out/run.toml",
        text.replace("device = \"cpu\"", "device = \"cuda:0\""),
    );
    let said = summary(&dir, "--form plain")["said"].clone();
    let line = format!(
        "'out' began with device cuda:0, now cpu; form {form}, now plain: the last digits of its rows may differ"
    );
    assert!(said.as_str().unwrap().lines().any(|l| l == line), "{said}");
    let run = run_toml(&dir);
    assert_eq!(run["device"].as_str(), Some("cuda:0,cpu"));
    assert_eq!(run["form"].as_str(), Some(&format!("{form},plain")[..]));
}

/// Whatever the machine is busy with meanwhile.
#[test]
fn going_on_keeps_the_form() {
    for first in ["--form faster", "--form plain"] {
        let dir = Workdir::new("provenance_form");
        make_images(&dir);
        let form = summary(&dir, first)["form"].clone();
        lose_a_part(&dir);
        let on = summary(&dir, "");
        assert_eq!(on["form"], form);
        assert!(!on["said"].as_str().unwrap().contains("began with"), "{on}");
    }
}

#[test]
fn a_run_of_an_earlier_version_goes_on_and_stays_as_it_is() {
    let dir = Workdir::new("provenance_earlier");
    make_images(&dir);
    summary(&dir, "");
    lose_a_part(&dir);
    let text = String::from_utf8(dir.read("out/run.toml")).unwrap();
    let new = ["device = ", "form = ", "libtorch = "];
    let lines = text
        .lines()
        .filter(|line| !new.iter().any(|key| line.starts_with(key)));
    let old = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(old, text);
    dir.write("out/run.toml", &old);
    let said = summary(&dir, "--form plain")["said"].clone();
    assert!(!said.as_str().unwrap().contains("began with"), "{said}");
    assert_eq!(String::from_utf8(dir.read("out/run.toml")).unwrap(), old);
}
