//! Programs of torch.export that are refused, each in words.

use crate::support::extraction::{extract_ok, refused};
use crate::support::models::workdir_of_programs;
use crate::support::workdir::Workdir;

#[test]
fn a_size_that_the_program_was_not_exported_for_is_refused() {
    let dir = workdir_of_programs("pt2_size");
    let line = "'vit.pt2': was exported for images of shape (3, 64, 64), the preprocessing gives (3, 80, 80); pass \
                --crop 64 (and a --resize at least as large), or export it for (3, 80, 80)";
    refused(
        &dir,
        1,
        &format!("--model vit --layer conv_proj --resize 80 --crop 80 photos => {line}"),
    );
}

const TO_SCRIPT: &str = "export the model with: scripts/export_model.py --format pt";

/// A program of `models/refused` whose layer is refused with that line.
#[track_caller]
fn refuse(dir: &Workdir, file: &str, layer: &str, expected: &str) {
    let args = format!("--model models/refused/{file}.pt2 --layer {layer} photos");
    refused(dir, 1, &format!("{args} => {expected}"));
}

fn at(file: &str) -> String {
    format!("'models/refused/{file}.pt2'")
}

#[test]
fn an_operator_that_is_not_run_is_named() {
    let dir = workdir_of_programs("pt2_operators");
    refuse(
        &dir,
        "cond",
        "head",
        &format!(
            "cannot cut 'cond.pt2': layer 'choice': operator 'higher_order.cond' chooses or repeats while it computes, which featx runs in TorchScript only; {TO_SCRIPT}"
        ),
    );
    refuse(
        &dir,
        "custom",
        "twist",
        &format!(
            "cannot cut 'custom.pt2': layer 'twist': libtorch has no operator 'featx_tests::twist'; {TO_SCRIPT}"
        ),
    );
    refuse(
        &dir,
        "quantised",
        "rounded",
        "cannot cut 'quantised.pt2': layer 'rounded': operator 'quantized_decomposed.quantize_per_tensor' is of a quantised program, which featx does not run; export the model before it is quantised",
    );
    refuse(
        &dir,
        "autocast",
        "head",
        "cannot cut 'autocast.pt2': the model's own forward: operator 'higher_order.wrap_with_autocast' computes in half precision under autocast; export the model without torch.autocast, and choose --precision bf16 or f16 when it runs",
    );
}

#[test]
fn a_program_of_another_version_or_kind_is_refused() {
    let dir = workdir_of_programs("pt2_kinds");
    refuse(
        &dir,
        "version_9",
        "stem",
        &format!(
            "{} has schema version 9.17 (PyTorch 2.11.0...",
            at("version_9")
        ),
    );
    refuse(
        &dir,
        "old",
        "stem",
        &format!(
            "{} was written by PyTorch 2.7 or older (schema version 8.5), featx reads what 2.8 and newer write; load it with torch.export.load of PyTorch 2.8 to 2.13, and save it there with torch.export.save",
            at("old")
        ),
    );
    refuse(
        &dir,
        "no_json",
        "stem",
        &format!(
            "{} holds no program that featx understands; export the model again: ...",
            at("no_json")
        ),
    );
    refuse(
        &dir,
        "lines",
        "stem",
        &format!(
            "cannot run {}: its program is not what torch.export writes; export the model again: unknown variant `two\\nlines`, expected ...",
            at("lines")
        ),
    );
    refuse(
        &dir,
        "compiled",
        "stem",
        &format!(
            "{} was compiled by AOTInductor, and holds no program; save the program itself with torch.export.save, or export the model with: scripts/export_model.py --format pt2",
            at("compiled")
        ),
    );
}

#[test]
fn a_damaged_program_is_refused() {
    let dir = workdir_of_programs("pt2_damaged");
    refuse(
        &dir,
        "old_weights",
        "stem",
        &format!(
            "{} is damaged: record 'archive/data/weights/model.pt'; copy or export the file again: ...",
            at("old_weights")
        ),
    );
    refuse(
        &dir,
        "bit_flipped",
        "stem",
        &format!(
            "{} is damaged: record 'archive/data/weights/weight_0' has CRC-32 ...",
            at("bit_flipped")
        ),
    );
    refuse(
        &dir,
        "bit_flipped_saved",
        "stem",
        &format!(
            "{} is damaged: record 'archive/data/weights/model.pt/data/0' has CRC-32 ...",
            at("bit_flipped_saved")
        ),
    );
    refuse(
        &dir,
        "long_weight",
        "stem",
        &format!(
            "cannot run {}: weight 'stem.weight': does not lie within its record 'data/weights/weight_0' of 432 bytes; copy or export the file again",
            at("long_weight")
        ),
    );
    refuse(&dir, "compressed", "stem", "record '...");
    for file in ["truncated_half", "truncated_end"] {
        refuse(
            &dir,
            file,
            "stem",
            &format!(
                "{} is not a model file: it is a truncated archive, without its directory; copy or export it again",
                at(file)
            ),
        );
    }
}

#[test]
fn a_program_of_other_inputs_or_of_outputs_in_no_order_is_refused() {
    let dir = workdir_of_programs("pt2_inputs");
    refuse(
        &dir,
        "one_channel",
        "stem",
        "'one_channel.pt2': was exported for images of shape (1, 64, 64), the preprocessing gives (3, 64, 64); pass \
         --channels grey, with its --mean and --std",
    );
    refuse(
        &dir,
        "two_inputs",
        "stem",
        &format!(
            "cannot run {}: its forward takes 2 inputs; expected one, the images; export the model with the images alone",
            at("two_inputs")
        ),
    );
    refuse(
        &dir,
        "unordered",
        "pair",
        "layer 'pair' of 'unordered.pt2' gives several tensors, and the program does not tell their order: 'pair#0' (6, 32, 32), 'pair#1' (4, 32, 32); take one with --layer 'pair#0', ...",
    );
}

#[test]
fn a_layer_before_what_cannot_be_run_is_extracted() {
    let dir = workdir_of_programs("pt2_before");
    for file in ["cond", "custom", "quantised", "autocast"] {
        extract_ok(
            &dir,
            &format!("--model models/refused/{file}.pt2 --layer stem --overwrite photos"),
        );
    }
}
