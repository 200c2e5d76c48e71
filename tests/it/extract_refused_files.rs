//! Files that are no model, or none that fits, and TOML files with mistakes: refused as in `extract_refusals.rs`.

use crate::support::extraction::{extract, refusal, refused};
use crate::support::models::workdir;

#[test]
fn files_that_are_no_model() {
    let dir = workdir("refused_models");
    let no_model = |file: &str, what: &str| {
        let line = refusal(
            &dir,
            &format!("--model models/broken/{file} --layer stem photos"),
            1,
        );
        let begins = format!("'models/broken/{file}' is not a model file: it is {what}");
        assert!(line.starts_with(&begins), "{line}");
    };
    for (file, what) in [
        (
            "state_dict.pt",
            "weights without code (torch.save), a state dict perhaps; export the model with",
        ),
        ("checkpoint.pt", "weights without code (torch.save)"),
        ("pickled_module.pt", "weights without code (torch.save)"),
        (
            "legacy.pt",
            "a pickle, as old versions of torch.save wrote; export the model with",
        ),
        (
            "weights.safetensors",
            "weights without code (safetensors); export the model with",
        ),
        ("safetensors.pt", "weights without code (safetensors)"),
        (
            "random.pt",
            "neither an archive nor any format known to featx",
        ),
        ("empty.pt", "empty"),
        ("text.pt", "a web page perhaps"),
        ("zip.pt", "a ZIP archive without a module in it"),
        (
            "truncated_half.pt",
            "a truncated archive, without its directory; copy or export it again",
        ),
        (
            "truncated_end.pt",
            "a truncated archive, without its directory",
        ),
    ] {
        no_model(file, what);
    }
    refused(
        &dir,
        1,
        "
--model vgg16 --layer features.30 photos => model 'vgg16' not found in models/; make it with: scripts/export_model.py vgg16
--model other/vgg16.pt --layer features.30 photos => model 'other/vgg16.pt' not found; expected a model file (.pt, .pt2) or a model's name
--model models/broken/folder.pt --layer stem photos => model 'models/broken/folder.pt' is a folder; expected a model file (.pt, .pt2) or a model's name
--model models/broken/bit_flipped_first.pt --layer relu photos => 'models/broken/bit_flipped_first.pt' is damaged: record 'resnet_scripted/data/0' has CRC-32 ...
--model models/broken/bit_flipped_late.pt --layer fc photos => 'models/broken/bit_flipped_late.pt' is damaged: record ...
",
    );
}

#[test]
fn a_damaged_weight_that_the_cut_does_not_use_stops_nothing() {
    let dir = workdir("refused_not");
    let ended = extract(
        &dir,
        "--model models/broken/bit_flipped_late.pt --layer layer1 photos",
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn models_that_want_another_input() {
    let dir = workdir("refused_inputs");
    refused(
        &dir,
        1,
        "
--model models/broken/one_channel.pt --layer stem photos => 'one_channel.pt' fails on f32 images of shape (3, 224, 224): Given groups=1, weight of size [4, 1, 3, 3], expected ...
--model models/broken/five_dimensions.pt --layer stem photos => 'five_dimensions.pt' fails on f32 images of shape (3, 224, 224): ...
--model models/broken/fixed_size.pt --layer head photos => 'fixed_size.pt' fails on f32 images of shape (3, 224, 224): mat1 and mat2 shapes cannot be multiplied ...
--model vit_scripted --layer encoder --crop 96 photos => 'vit_scripted.pt' fails on f32 images of shape (3, 96, 96): Wrong image height! Expected 64 but got 96!; if it wants another size, set --resize and --crop, or a TOML beside the model
--model models/broken/dict_input.pt --layer stem photos => cannot cut 'dict_input.pt': its forward takes a Dict[str, Tensor]; expected a Tensor, the images
--model models/broken/two_inputs.pt --layer stem photos => cannot cut 'two_inputs.pt': its forward takes 2 inputs; expected one, the images
--model models/broken/no_input.pt --layer stem photos => cannot cut 'no_input.pt': its forward takes no image
",
    );
}

#[test]
fn toml_files_with_what_featx_does_not_know() {
    let dir = workdir("refused_toml");
    dir.write("m.pt", dir.read("models/resnet_scripted.pt"));
    for (toml, expected) in [
        (
            "[preprocess]\ncolour = 3\n",
            "'m.toml' line 2: unknown field `colour`, expected one of `orient`, `resize`, `crop`, `crop_rounding`, `interpolation`, `resampler`, \
             `pad`, `channels`, `scale`, `mean`, `std`",
        ),
        (
            "size = 3\n",
            "'m.toml' line 1: unknown field `size`, expected one of `preprocess`, `tokens`, `outputs`",
        ),
        (
            "[preprocess]\nresize = 0\n",
            "'m.toml': resize must be between 1 and 16384 pixels, found 0; the usual is resize 256, crop 224",
        ),
        (
            "[preprocess]\n\nmean = [0.5]\n",
            "'m.toml': mean must be three numbers for channels rgb, found 1; it is subtracted after pixels are multiplied by \
             scale, between 0 and 1 as a rule",
        ),
        (
            "[preprocess]\nresize = \"all\"\n",
            "'m.toml' line 2: expected resize as the shorter side (256), as [height, width], as { longer = 640 }, or \"none\"",
        ),
    ] {
        dir.write("m.toml", toml);
        assert_eq!(refusal(&dir, "--model m.pt --layer fc photos", 1), expected);
    }
    for (toml, begins) in [
        (
            "layer = 'fc'\nmodle = 'm'\n",
            "'c.toml' line 2: unknown field `modle`, expected one of `images`, `model`, ",
        ),
        (
            "batch-size = -3\n",
            "'c.toml' line 1: expected a number of at least 1, or auto",
        ),
        (
            "layer = 3\n",
            "'c.toml' line 1: expected a layer's name, or a list of names",
        ),
        (
            "dtype = 'f64'\n",
            "'c.toml' line 1: unknown variant `f64`, expected `f32` or `f16`",
        ),
    ] {
        dir.write("c.toml", toml);
        let line = refusal(
            &dir,
            "--config c.toml --model resnet_scripted --layer fc photos",
            1,
        );
        assert!(line.starts_with(begins), "{line}");
    }
    refused(
        &dir,
        1,
        "--config no.toml --model m => cannot read 'no.toml': No such file or directory (os error 2)",
    );
}
