//! Models of unusual kinds (`tests/unusual_models.py`): several tensors of a layer, weights of other types, branches on
//! pixels, rows that depend on more than their image.

use crate::support::arrays::{assert_near, values};
use crate::support::extraction::{extract, extract_ok, only_part, refusal};
use crate::support::models::{models, workdir};
use crate::support::workdir::Workdir;

/// Extracts these layers of an unusual model, which must give PyTorch's rows; what was said.
#[track_caller]
fn gives(name: &str, layers: &[&str], tolerance: f64) -> String {
    let dir = workdir(&format!("unusual/{name}"));
    let asked = layers.join(",").replace("output", ".");
    let said = extract_ok(
        &dir,
        &format!("--model models/unusual/{name}.pt --layer {asked} photos"),
    );
    for layer in layers {
        is_near(&dir, name, layer, layer, tolerance);
    }
    said
}

#[track_caller]
fn is_near(dir: &Workdir, name: &str, layer: &str, expected: &str, tolerance: f64) {
    let (shape, found) = only_part(dir, layer);
    let file = models().join(format!("unusual/{name}/{expected}.npy"));
    let (expected_shape, expected) = values(&file);
    assert_eq!(shape, expected_shape, "{name}, '{layer}'");
    assert_near(&found, &expected, tolerance);
}

#[test]
fn a_script_gives_the_tensors_of_a_layer_by_number_and_by_key() {
    let layers = [
        "entries",
        "entries#high",
        "entries#1",
        "attention",
        "attention#1",
        "output",
    ];
    gives("several", &layers, 1e-5);
    gives("second_first_scripted", &["pair", "pair#0", "pair#1"], 1e-5);
    let dir = workdir("unusual/several_refused");
    let model = "--model models/unusual/several.pt";
    let line = refusal(&dir, &format!("{model} --layer entries#low2 photos"), 1);
    assert!(
        line.contains("has no tensor 'low2'; it has 'entries#low', 'entries#high'"),
        "{line}"
    );
    let line = refusal(&dir, &format!("{model} --layer attention#2 photos"), 1);
    assert!(line.contains("has no tensor '2'"), "{line}");
}

#[test]
fn a_script_that_gives_one_tensor_or_several_gives_what_a_hook_gets() {
    gives("unions", &["pair", "pair#1", "one"], 1e-5);
    let dir = workdir("unusual/unions_refused");
    let asked = "--model models/unusual/unions.pt --layer size photos";
    let line = refusal(&dir, asked, 1);
    assert!(
        line.contains("layer 'size' of 'unions.pt' gives no tensor"),
        "{line}"
    );
}

#[test]
fn a_grey_model_of_an_oblong_gets_what_its_toml_says() {
    let said = gives("grey", &["b"], 1e-5);
    let line = "preprocessing: resize 48x80, crop none, bilinear, grey (";
    assert!(said.contains(line), "{said}");
    let dir = workdir("unusual/grey_refused");
    let asked =
        "--model models/unusual/grey.pt --layer b --channels rgb --mean 0,0,0 --std 1,1,1 photos";
    let line = refusal(&dir, asked, 1);
    assert!(
        line.contains("fails on f32 images of shape (3, 48, 80)")
            && line.contains("pass --channels grey"),
        "{line}"
    );
    let line = refusal(
        &dir,
        "--model models/unusual/grey.pt --layer b --channels rgb photos",
        2,
    );
    assert!(
        line.contains("--mean must be three numbers for channels rgb, found 1"),
        "{line}"
    );
}

#[test]
fn the_first_of_several_tensors_of_a_trace_is_refused_unless_the_toml_knows_it() {
    gives("second_first_traced", &["pair#0", "pair#1"], 1e-5);
    gives("second_first_known", &["pair"], 1e-5);
    let dir = workdir("unusual/second_first_refused");
    let line = refusal(
        &dir,
        "--model models/unusual/second_first_traced.pt --layer pair photos",
        1,
    );
    assert!(
        line.contains("gives several tensors, and a trace does not keep their order: 'pair#0' (5, 32, 32), 'pair#1' (4, 32, 32)"),
        "{line}"
    );
    let said = extract_ok(
        &dir,
        "--model models/unusual/second_first_traced.pt --layer * photos",
    );
    assert!(
        said.contains("order the file does not keep; take one with --layer 'NAME#0': 'pair'"),
        "{said}"
    );
    assert!(!dir.path("out/pair").exists() && dir.path("out/pair.low").exists());
    let dir = workdir("unusual/second_only_refused");
    let line = refusal(
        &dir,
        "--model models/unusual/second_only_known.pt --layer pair photos",
        1,
    );
    assert!(line.contains("is not in the trace"), "{line}");
}

/// Of a layer whose own tensor nothing uses, a trace may have another one.
#[test]
fn the_only_tensor_of_a_trace_that_may_be_another_is_refused() {
    gives(
        "changes_its_input",
        &["stem", "head.act", "head#0", "last"],
        1e-5,
    );
    for (model, layer, shape) in [
        ("changes_its_input", "head", "(4, 32, 32)"),
        ("second_only_traced", "pair", "(5, 32, 32)"),
    ] {
        let dir = workdir(&format!("unusual/{model}_refused"));
        let asked = format!("--model models/unusual/{model}.pt");
        let line = refusal(&dir, &format!("{asked} --layer {layer} photos"), 1);
        let why = format!(
            "computes what the trace does not use; so the tensor that the trace has of it may be another: '{layer}#0' {shape}"
        );
        assert!(line.contains(&why), "{line}");
        let said = extract_ok(&dir, &format!("{asked} --layer * photos"));
        assert!(
            said.contains("may hold another tensor: --layer 'NAME#0' takes it: '"),
            "{said}"
        );
        assert!(!dir.path(&format!("out/{layer}")).exists());
    }
}

/// A trace says None of a layer that gives its input back and of one whose result nothing uses alike.
#[test]
fn what_a_trace_does_not_hold_is_not_its_input() {
    gives("unused", &["a"], 1e-5);
    let dir = workdir("unusual/unused_refused");
    // `twice` is used at its first call; a hook keeps the second.
    for layer in ["b", "relu", "flatten", "twice"] {
        let asked = format!("--model models/unusual/unused.pt --layer {layer} photos");
        let line = refusal(&dir, &asked, 1);
        assert!(
            line.contains("left no trace when the model was traced"),
            "{line}"
        );
    }
}

#[test]
fn inspect_lists_the_tensors_of_layers_that_give_several() {
    let dir = workdir("unusual/inspect");
    let text = dir.featx_ok(&["inspect", "models/unusual/second_first_traced.pt"]);
    for line in [
        "pair#0                    (5, 32, 32)",
        "pair#1                    (4, 32, 32)",
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = text
            .lines()
            .any(|l| l.split_whitespace().take(4).eq(words.iter().copied()));
        assert!(found, "{line}: {text}");
    }
    let json = dir.featx_ok(&["inspect", "--json", "models/unusual/several.pt"]);
    for name in ["entries#low", "entries#high", "attention#0", "attention#1"] {
        assert!(json.contains(&format!("\"name\": \"{name}\"")), "{json}");
    }
}

#[test]
fn the_input_has_the_type_of_the_weights() {
    for (name, tolerance) in [("half", 5e-3), ("bfloat16", 3e-2), ("double", 1e-5)] {
        let said = gives(name, &["b", "output"], tolerance);
        let line = format!("the model's weights are {name}: it is given images of that type");
        assert!(said.contains(&line), "{said}");
    }
}

#[test]
fn the_model_is_tried_on_the_runs_own_images() {
    gives("bright", &["b"], 1e-5);
    // An image that takes another branch is named.
    let dir = workdir("unusual/bright_and_blank");
    dir.python(
        "import shutil, pathlib; from PIL import Image; pathlib.Path('mixed').mkdir(); \
         shutil.copy('photos/lamp.png', 'mixed/a.png'); Image.new('RGB', (80, 80), (124, 116, 104)).save('mixed/b.png')",
    );
    let ended = extract(
        &dir,
        "--model models/unusual/bright.pt --layer b --batch-size 1 mixed",
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("error: 'b.png': layer 'b' gave nothing"),
        "{}",
        ended.stderr
    );
}

#[test]
fn quantised_layers_devices_of_a_gpu_and_torchvisions_operators() {
    gives("quantised", &["q", "d"], 1e-5);
    gives("on_gpu", &["b"], 1e-5);
    gives("boxes", &["b", "output"], 1e-5);
}

#[test]
fn what_a_model_prints_is_no_result() {
    let dir = workdir("unusual/talkative");
    let args = "extract --model models/unusual/talkative.pt --layer b --json --out out photos";
    let ended = dir.featx(&args.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.starts_with('{') && ended.stdout.lines().count() == 1,
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("shape [4, 3, 64, 64]"),
        "{}",
        ended.stderr
    );
}

#[test]
fn rows_that_depend_on_more_than_their_image_are_named_and_bind_the_run_to_one_process() {
    for (name, word, reason) in [
        (
            "batch_statistics",
            "batch",
            "another row beside other images",
        ),
        ("counting", "chance", "other rows each time"),
        ("noisy", "chance", "other rows each time"),
        ("dropping", "chance", "other rows each time"),
    ] {
        let dir = workdir(&format!("unusual/varying_{name}"));
        let model = format!(
            "--model models/unusual/{name}.pt --layer a,b --batch-size 2 --step-size 1 photos"
        );
        let line = refusal(&dir, &format!("--shard 0/2 {model}"), 1);
        assert!(
            line.contains(reason) && line.ends_with("--allow-varying"),
            "{line}"
        );
        let said = extract_ok(&dir, &model);
        assert!(
            said.contains(&format!(
                "warning: layer 'b' gives {}",
                if word == "chance" {
                    "other"
                } else {
                    "an image another"
                }
            )),
            "{said}"
        );
        assert!(!said.contains("layer 'a'"), "{said}");
        // What the model does itself is not put down to a faster form, in featx's own warning of such.
        assert!(!said.contains("changes this model's activations"), "{said}");
        let run = String::from_utf8(dir.read("out/run.toml")).unwrap();
        assert_eq!(
            run.matches(&format!("varies = \"{word}\"")).count(),
            1,
            "{run}"
        );
        let file = models().join(format!("unusual/{name}/a.npy"));
        let parts = dir.names("out/a");
        let rows: Vec<f64> = parts
            .iter()
            .flat_map(|part| values(&dir.path("out/a").join(part)).1)
            .collect();
        assert_near(&rows, &values(&file).1, 1e-5);
        // A row is lost: only who says so gets one that another process computes.
        let lost = dir.path("out/b").join(&dir.names("out/b")[0]);
        std::fs::remove_file(lost).unwrap();
        let ended = extract(&dir, &model);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("pass --allow-varying"),
            "{}",
            ended.stderr
        );
        extract_ok(&dir, &format!("--allow-varying {model}"));
    }
}

#[test]
fn tokens_are_class_registers_and_patches() {
    for tokens in ["cls", "mean", "cls+mean", "patches", "registers"] {
        let dir = workdir(&format!("unusual/tokens_{tokens}"));
        let model = "--model models/unusual/registers.pt --layer block photos";
        extract_ok(&dir, &format!("--tokens {tokens} {model}"));
        is_near(&dir, "registers", "block", tokens, 1e-5);
        let run = String::from_utf8(dir.read("out/run.toml")).unwrap();
        assert!(run.contains("tokens_prefix = 3"), "{run}");
    }
}

#[test]
fn a_model_of_another_input_says_what_its_first_layer_takes() {
    let dir = workdir("unusual/other_input");
    for (file, takes) in [
        ("one_channel", "its first convolution takes (N, 1, H, W)"),
        (
            "five_dimensions",
            "its first convolution takes (N, 3, D, H, W)",
        ),
    ] {
        let line = refusal(
            &dir,
            &format!("--model models/broken/{file}.pt --layer * photos"),
            1,
        );
        assert!(line.contains(takes) && !line.contains("--resize"), "{line}");
    }
}

/// The interpreter reads the names of the functions that an operation came from, which freezing has destroyed.
#[test]
fn an_operation_that_fails_deep_in_a_script_is_an_error_in_words() {
    let dir = workdir("unusual/positions");
    let args = "--model models/unusual/positions.pt --layer * --resize 48 --crop 48 photos";
    let line = refusal(&dir, args, 1);
    let expected = "fails on f32 images of shape (3, 48, 48): The size of tensor a (24) must match";
    assert!(line.contains(expected), "{line}");
}
