//! Every layer of every test model in one run, compared with what PyTorch's forward hooks saw of the original network.

use crate::support::arrays::{relative_l2, values};
use crate::support::models::models;
use crate::support::workdir::{Ended, Workdir};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A traced file keeps of a module's outputs only those that the model went on with. Of these modules that is not the
/// first tensor, which a hook would see; the file does not say so, and scripting the model is the cure.
const FIRST_OUTPUT_NOT_IN_THE_TRACE: [(&str, &str); 2] = [
    ("dict_output_traced", "maker"),
    ("nested_tuple_traced", "pair"),
];

/// Relative L2 distance that is still the same, in f32.
const TOLERANCE: f64 = 1e-5;
/// Models that are checked at a time.
const CHECKERS: usize = 2;

#[test]
fn every_layer_is_what_a_hook_sees() {
    let models = models();
    let names = names_of_models(models);
    assert!(names.len() >= 30, "{names:?}");
    let next = AtomicUsize::new(0);
    let check = || {
        let mine = std::iter::from_fn(|| names.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.flat_map(|name| check_model(models, name))
            .collect::<Vec<String>>()
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let checkers = [(); CHECKERS].map(|()| scope.spawn(check));
        checkers.map(|checker| checker.join().unwrap()).concat()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// All rows of a run of many batches are computed in a faster form of the graph, but with `--form plain`. Whether one is
/// faster is for the machine to say: `--form faster` is for tests, and takes what gives the right rows.
#[test]
fn a_long_run_computes_the_same() {
    for (name, layer) in [
        ("convolutions_scripted", "flat"),
        ("convolutions_traced", "transposed"),
        ("densenet_scripted", "features"),
        ("googlenet_scripted", "fc"),
        ("mobilenet_traced", "classifier"),
        ("resnet_scripted", "layer4"),
        ("branch_scripted", "both"),
        ("loop_scripted", "blocks.2.1"),
        ("vit_traced", "encoder"),
    ] {
        let (distance, form) = long_run(name, layer, "", "--form faster");
        assert!(distance <= TOLERANCE, "{name}, '{layer}': {distance:e}");
        assert!(FASTER.contains(&&form[..]), "{name}: {form}");
    }
    for (more, forms) in [
        ("", &["plain", "joined", "fused"][..]),
        ("--form plain", &["plain"]),
    ] {
        let (distance, form) = long_run("resnet_scripted", "layer4", "", more);
        assert!(distance <= TOLERANCE, "{more}: {distance:e}");
        assert!(forms.contains(&&form[..]), "{more}: {form}");
    }
}

/// Also where OpenMP gives fewer threads than libtorch asks for, and then nothing is left out. Few digits are lost.
#[test]
fn convolutions_of_3_by_3_lose_no_digits() {
    for (name, layer, threads) in [
        ("thick_scripted", "odd", ""),
        ("thick_traced", "added", "1"),
    ] {
        let (distance, form) = long_run(name, layer, threads, "--form faster");
        assert!(distance <= 2e-6, "{name}, '{layer}': {distance:e}");
        assert!(FASTER.contains(&&form[..]), "{name}: {form}");
    }
}

/// The forms of the summary that are faster than the model as it was exported.
pub const FASTER: [&str; 2] = ["joined", "fused"];

/// Of a long run, of two images each.
const BATCHES: usize = 17;

/// As [`long_run_of`], of one of the TorchScript models.
fn long_run(name: &str, layer: &str, threads: &str, more: &str) -> (f64, String) {
    long_run_of(models(), &format!("{name}.pt"), layer, threads, more)
}

/// The relative L2 distance of a long run's rows to what PyTorch's hook saw, and the form that the summary names.
/// `threads`: OpenMP's limit, empty for none.
pub fn long_run_of(
    models: &Path,
    file: &str,
    layer: &str,
    threads: &str,
    more: &str,
) -> (f64, String) {
    let name = file.rsplit_once('.').unwrap().0;
    let dir = Workdir::new(&format!("fidelity_long/{file}"));
    symlink(models.join("photos"), dir.path("photos")).unwrap();
    let photos = dir.names("photos");
    let list: Vec<&str> = photos
        .iter()
        .cycle()
        .take(2 * BATCHES)
        .map(|name| &name[..])
        .collect();
    dir.write("list.txt", list.join("\n"));
    let model = models.join(file);
    let args = [
        "extract",
        "--model",
        model.to_str().unwrap(),
        "--layer",
        layer,
        "--batch-size",
        "2",
    ];
    let rest = ["--list", "list.txt", "--json", "--out", "out", "photos"];
    let mut command = dir.command(&[&args[..], &rest[..]].concat());
    command.args(more.split_whitespace());
    if !threads.is_empty() {
        command.env("OMP_THREAD_LIMIT", threads);
    }
    let ended = Ended::of(&mut command);
    assert_eq!(ended.code, Some(0), "{file}: {}", ended.stderr);
    let part = dir.names(&format!("out/{layer}")).remove(0);
    let (_, found) = values(&dir.path(&format!("out/{layer}/{part}")));
    let (shape, expected) = values(&models.join(name).join(format!("{layer}.npy")));
    let row = expected.len() / shape[0] as usize;
    let rows = (0..2 * BATCHES).flat_map(|i| {
        let start = i % photos.len() * row;
        &expected[start..start + row]
    });
    let distance = relative_l2(&found, &rows.copied().collect::<Vec<_>>());
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    (distance, summary["form"].as_str().unwrap().to_owned())
}

fn names_of_models(models: &Path) -> Vec<String> {
    let entries = fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "pt"));
    let mut names: Vec<_> = files
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Runs featx on all layers of a model, three images a batch, and compares; a line for each layer that differs, is
/// missing or is too much.
fn check_model(models: &Path, name: &str) -> Vec<String> {
    check_file(models, &format!("{name}.pt"))
}

/// As [`check_model`], of a file of any kind.
pub fn check_file(models: &Path, file: &str) -> Vec<String> {
    let (name, kind) = file.rsplit_once('.').unwrap();
    let dir = Workdir::new(&format!("fidelity/{file}"));
    let model = models.join(file);
    let photos = models.join("photos");
    let ended = dir.featx(&[
        "extract",
        "--model",
        model.to_str().unwrap(),
        "--layer",
        "*",
        "--batch-size",
        "3",
        "--out",
        "out",
        photos.to_str().unwrap(),
    ]);
    if ended.code != Some(0) {
        return vec![format!("{name}: {}", ended.stderr)];
    }
    let reference = models.join(name);
    let text = fs::read_to_string(reference.join("layers.json")).unwrap();
    let layers: Value = serde_json::from_str(&text).unwrap();
    let may_lack = name.ends_with("_traced") || kind == "pt2";
    let expected = expected_layers(&layers["layers"], may_lack);
    let found: BTreeSet<String> = dir
        .names("out")
        .into_iter()
        .filter(|name| dir.path("out").join(name).is_dir())
        .collect();
    let unordered = |layer: &&String| FIRST_OUTPUT_NOT_IN_THE_TRACE.contains(&(name, layer));
    let mut failures: Vec<String> = expected
        .must
        .difference(&found)
        .filter(|layer| !unordered(layer))
        .map(|layer| format!("{name}: '{layer}' is missing"))
        .collect();
    for layer in &found {
        if FIRST_OUTPUT_NOT_IN_THE_TRACE.contains(&(name, layer)) {
            continue;
        }
        if !expected.must.contains(layer) && !expected.may.contains(layer) {
            failures.push(format!("{name}: '{layer}' should have no rows"));
        } else if let Some(distance) = distance(&dir.path("out"), &reference, layer) {
            failures.push(format!("{name}: '{layer}' differs, {distance}"));
        }
    }
    failures
}

struct Expected {
    must: BTreeSet<String>,
    may: BTreeSet<String>,
}

/// Layers with a row an image; a trace or a program may lack those that gave back their input.
fn expected_layers(layers: &Value, may_lack: bool) -> Expected {
    let mut expected = Expected {
        must: BTreeSet::new(),
        may: BTreeSet::new(),
    };
    for (name, layer) in layers.as_object().unwrap() {
        if layer["shape"].is_null() || layer["per_image"] == false {
            continue;
        }
        let optional = may_lack && layer["no_trace"] == true;
        if optional {
            &mut expected.may
        } else {
            &mut expected.must
        }
        .insert(name.clone());
        for alias in layer["aliases"].as_array().into_iter().flatten() {
            expected.may.insert(alias.as_str().unwrap().to_owned());
        }
    }
    expected
}

/// Why a layer's rows are not the reference's; none where they are.
fn distance(out: &Path, reference: &Path, layer: &str) -> Option<String> {
    let parts = fs::read_dir(out.join(layer))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (found_shape, found) = values(&parts.into_iter().next().unwrap());
    let calls: Vec<PathBuf> = (0..)
        .map(|call| reference.join(format!("{layer}@{call}.npy")))
        .take_while(|path| path.exists())
        .collect();
    let file = reference.join(format!("{layer}.npy"));
    // Of a module with several names each name has its own calls.
    let candidates = if file.exists() {
        [vec![file], calls].concat()
    } else {
        all_calls(reference)
    };
    let distances = candidates.iter().map(|path| {
        let (shape, expected) = values(path);
        if shape != found_shape {
            return f64::INFINITY;
        }
        relative_l2(&found, &expected)
    });
    let least = distances.fold(f64::INFINITY, f64::min);
    (least.is_nan() || least > TOLERANCE)
        .then(|| format!("relative L2 {least:e}, shape {found_shape:?}"))
}

/// The single calls of modules that have several names.
fn all_calls(reference: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(reference)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.to_str().unwrap().contains('@'))
        .collect()
}
