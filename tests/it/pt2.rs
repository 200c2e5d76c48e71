//! Programs of torch.export (`.pt2`), made by `tests/make_programs.py`.

use crate::fidelity::{FASTER, check_file, long_run_of};
use crate::support::arrays::{assert_near, values};
use crate::support::extraction::{extract_ok, only_part, refused};
use crate::support::models::{programs, workdir_of_programs};
use crate::support::workdir::Ended;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn every_layer_of_a_program_is_what_a_hook_sees() {
    let files = fs::read_dir(programs())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let files = files
        .map(|name| name.into_string().unwrap())
        .filter(|name| name.ends_with(".pt2"));
    let files: Vec<String> = files.collect();
    assert!(files.len() >= 26, "{files:?}");
    let failures: Vec<String> = files
        .iter()
        .flat_map(|file| check_file(programs(), file))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Files of `tests/fixtures/programs`, which `torch.export.save` of other versions of PyTorch wrote.
#[test]
fn programs_of_other_versions_of_pytorch_are_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/programs");
    let dir = workdir_of_programs("pt2_versions");
    dir.write("two.txt", "dogs.jpg\npeaks.jpg\n");
    symlink(fixtures.join("../../photos"), dir.path("both")).unwrap();
    for version in ["2.8", "2.9", "2.13"] {
        let model = fixtures.join(format!("torch_{version}.pt2"));
        let said = extract_ok(
            &dir,
            &format!(
                "--model {} --layer * --resize 16 --crop 16 --list two.txt --overwrite both",
                model.display()
            ),
        );
        assert!(
            said.contains("the program has no operation of them: 'same' (see"),
            "{said}"
        );
        for layer in ["stem", "block.relu", "block", "attention", "head"] {
            let (shape, found) = only_part(&dir, layer);
            let (expected_shape, expected) = values(&fixtures.join(format!("rows/{layer}.npy")));
            assert_eq!(shape, expected_shape);
            assert_near(&found, &expected, 1e-5);
        }
    }
}

#[test]
fn a_layer_without_an_operation_names_a_neighbour() {
    let dir = workdir_of_programs("pt2_neighbour");
    refused(
        &dir,
        1,
        "
        --model in_place --layer same photos => layer 'same' of 'in_place.pt2' left no operation in the program (it gives back its input, or is never called); a layer near it: 'relu' (see: featx inspect models/in_place.pt2)
        --model vit --layer encoder.layers.encoder_layer_0.self_attention.out_proj photos => layer 'encoder.layers.encoder_layer_0.self_attention.out_proj' of 'vit.pt2' is never called: its parent uses its weights directly; a layer near it: 'encoder.layers.encoder_layer_0.self_attention' (see: featx inspect models/vit.pt2)
        --model swin --layer features.1.0.stochastic_depth photos => layer 'features.1.0.stochastic_depth' of 'swin.pt2' left no operation in the program (it gives back its input, or is never called); a layer near it: ...
        --model in_place --layer relo photos => layer 'relo' is not in 'in_place.pt2'; nearest: 'relu', 'last' (see: featx inspect models/in_place.pt2)
        ",
    );
}

#[test]
fn inspect_lists_the_layers_of_a_program() {
    let dir = workdir_of_programs("pt2_inspect");
    let text = dir.featx_ok(&["inspect", "models/resnet.pt2", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["problem"], Value::Null);
    let layers = report["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 70);
    let layer = |name: &str| layers.iter().find(|layer| layer["name"] == name).unwrap();
    let relu = layer("layer1.0.relu");
    assert_eq!((&relu["type"], &relu["calls"]), (&"ReLU".into(), &2.into()));
    let conv = layer("conv1");
    assert_eq!(conv["type"], "Conv2d");
    assert_eq!(conv["parameters"], 3 * 64 * 49);
    assert_eq!(conv["shape"], serde_json::json!([64, 32, 32]));
    assert_eq!(layer("layer1")["type"], "Sequential");
}

#[test]
fn an_identity_has_no_operation_and_a_projection_is_never_called() {
    let dir = workdir_of_programs("pt2_never_called");
    let table = dir.featx_ok(&["inspect", "models/in_place.pt2"]);
    let row = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("stem"), "stem Conv2d 112 (4, 32, 32) 16.4 kB");
    assert_eq!(row("same"), "same - 0 - - no operation");
    let table = dir.featx_ok(&["inspect", "models/vit.pt2"]);
    let projection = "encoder.layers.encoder_layer_0.self_attention.out_proj";
    let line = table
        .lines()
        .find(|line| line.contains(projection))
        .unwrap();
    assert!(line.ends_with("never called"), "{line}");
    let said = extract_ok(&dir, "--model in_place --layer * photos");
    let line = "left out because the program has no operation of them: 'same' (see: featx inspect models/in_place.pt2)\n";
    assert!(said.contains(line), "{said}");
}

/// As of a TorchScript file: `fidelity::a_long_run_computes_the_same`.
#[test]
fn a_long_run_of_a_program_computes_the_same() {
    let form_of = |file, layer, more| {
        let (distance, form) = long_run_of(programs(), file, layer, "", more);
        assert!(distance <= 1e-5, "{file}, '{layer}': {distance:e}");
        form
    };
    for (file, layer) in [
        ("convolutions.pt2", "flat"),
        ("mobilenet.pt2", "classifier"),
        ("resnet.pt2", "layer4"),
        ("vit.pt2", "encoder"),
    ] {
        let form = form_of(file, layer, "--form faster");
        assert!(FASTER.contains(&&form[..]), "{file}: {form}");
    }
    assert_eq!(form_of("resnet.pt2", "layer4", "--form plain"), "plain");
}

/// An attention's rows are transposed before its linear layers, which libtorch then computes in many small pieces.
#[test]
fn a_linear_layer_of_transposed_rows_is_one_multiplication() {
    let dir = workdir_of_programs("pt2_transposed_rows");
    let args = "extract --model vit --layer encoder --device cpu --form plain --out out photos";
    let args: Vec<&str> = args.split(' ').collect();
    let ended = Ended::of(dir.command(&args).env("MKL_VERBOSE", "1"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stdout.contains("SGEMM_BATCH"), "{}", ended.stdout);
}

#[test]
fn a_program_is_computed_and_stored_in_half_precision() {
    let dir = workdir_of_programs("pt2_precision");
    for (model, layer) in [("resnet", "layer2"), ("vit", "encoder")] {
        let args = format!("--device cpu --overwrite --model {model} --layer {layer} photos");
        extract_ok(&dir, &args);
        let (shape, whole) = only_part(&dir, layer);
        extract_ok(&dir, &format!("{args} --dtype f16"));
        let (stored_shape, stored) = only_part(&dir, layer);
        assert_eq!(stored_shape, shape);
        assert_near(&stored, &whole, 1e-3);
        assert_ne!(stored, whole);
        for precision in ["bf16", "f16"] {
            extract_ok(&dir, &format!("{args} --precision {precision}"));
            let found = only_part(&dir, layer).1;
            assert_near(&found, &whole, 2e-2);
            assert_ne!(found, whole, "{layer} was not computed in {precision}");
        }
    }
}

#[test]
fn a_layer_of_several_tensors_is_numbered_as_the_program_has_them() {
    let dir = workdir_of_programs("pt2_several");
    extract_ok(&dir, "--model pairs --layer pair#1,pair,. photos");
    for (layer, channels) in [("pair", 4), ("pair#1", 6), ("output", 4)] {
        assert_eq!(only_part(&dir, layer).0[1], channels, "{layer}");
    }
}

#[test]
fn a_program_for_one_batch_size_is_run_at_that() {
    let dir = workdir_of_programs("pt2_fixed");
    for (batch, size) in [("2", 3), ("4", 3), ("auto", 3)] {
        let said = extract_ok(
            &dir,
            &format!(
                "--model resnet_fixed --layer avgpool --batch-size {batch} --overwrite photos"
            ),
        );
        let line = "the model was exported for batches of 3, and takes no other: each batch is filled up to it\n";
        assert!(said.contains(line), "{said}");
        let run = String::from_utf8(dir.read("out/run.toml")).unwrap();
        assert!(run.contains(&format!("batch_size = {size}\n")), "{run}");
        let (shape, found) = only_part(&dir, "avgpool");
        let (expected_shape, expected) = values(&programs().join("resnet_fixed/avgpool.npy"));
        assert_eq!(shape, expected_shape);
        assert_near(&found, &expected, 1e-5);
    }
    let table = dir.featx_ok(&["inspect", "models/vit_fixed.pt2"]);
    let input = "(3, 64, 64), one image; in batches of 1, as it was exported\n";
    assert!(table.contains(input), "{table}");
}

#[test]
fn as_many_heads_as_the_fixed_batch_has_images_are_no_rows() {
    let dir = workdir_of_programs("pt2_fixed_odd");
    let said = extract_ok(&dir, "--model odd_rows_fixed --layer * photos");
    let line =
        "left out: layer 'two_heads' gives (2, 4, 4) for 1 image; expected one row an image\n";
    assert!(said.contains(line), "{said}");
    assert!(dir.path("out/head").is_dir() && !dir.path("out/two_heads").exists());
}
