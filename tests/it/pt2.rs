//! Programs of torch.export (`.pt2`), made by `tests/make_programs.py`.

use crate::fidelity::check_file;
use crate::support::extraction::{extract_ok, refused};
use crate::support::models::{programs, workdir_of_programs};
use serde_json::Value;
use std::fs;

#[test]
fn every_layer_of_a_program_is_what_a_hook_sees() {
    let files = fs::read_dir(programs()).unwrap().map(|entry| entry.unwrap().file_name());
    let files = files.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".pt2"));
    let files: Vec<String> = files.collect();
    assert!(files.len() >= 26, "{files:?}");
    let failures: Vec<String> = files.iter().flat_map(|file| check_file(programs(), file)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_layer_without_an_operation_names_a_neighbour() {
    let dir = workdir_of_programs("pt2_neighbour");
    refused(
        &dir,
        1,
        "
        --model in_place --layer same photos => layer 'same' of 'in_place.pt2' left no operation in the program (it gives back its input, or is never called); a layer near it: 'relu' (see: featx inspect in_place.pt2)
        --model vit --layer encoder.layers.encoder_layer_0.self_attention.out_proj photos => layer 'encoder.layers.encoder_layer_0.self_attention.out_proj' of 'vit.pt2' is never called: its parent uses its weights directly; a layer near it: 'encoder.layers.encoder_layer_0.self_attention' (see: featx inspect vit.pt2)
        --model in_place --layer relo photos => layer 'relo' is not in 'in_place.pt2'; nearest: 'relu', 'drop' (see: featx inspect in_place.pt2)
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
    assert_eq!(conv["parameters"], 3 * 64 / 4 * 49);
    assert_eq!(conv["shape"], serde_json::json!([16, 32, 32]));
    assert_eq!(layer("layer1")["type"], "Sequential");
}

#[test]
fn a_layer_of_several_tensors_is_numbered_as_the_program_has_them() {
    let dir = workdir_of_programs("pt2_several");
    extract_ok(&dir, "--model pairs --layer pair#1,pair,. photos");
    for (layer, channels) in [("pair", 4), ("pair#1", 6), ("output", 4)] {
        assert_eq!(crate::support::extraction::only_part(&dir, layer).0[1], channels, "{layer}");
    }
}
