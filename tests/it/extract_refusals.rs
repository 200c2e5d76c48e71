//! What `featx extract` refuses: one line that says why, and nothing left behind. Files that it refuses are in
//! `extract_refused_files.rs`.

use crate::support::extraction::{error_line, refused};
use crate::support::models::workdir;
use std::fs;

#[test]
fn images_that_are_not_there() {
    let dir = workdir("refused_images");
    fs::create_dir(dir.path("empty")).unwrap();
    dir.write("notes/a.txt", "");
    dir.write("unreadable/a.jpg", "no photo");
    dir.write("leaving.txt", "a.jpg\n../up.jpg\n");
    dir.write("nothing.txt", "\n");
    refused(
        &dir,
        1,
        "
--model resnet_scripted --layer fc => no image folder 'images'; name one: featx extract … IMAGES
--model resnet_scripted --layer fc nowhere => no image folder 'nowhere'; name one: featx extract … IMAGES
--model resnet_scripted --layer fc nothing.txt => 'nothing.txt' is not a folder, and no image, tar, zip, HDF5, LMDB, Parquet or .npy file; for chosen images use --list
--model resnet_scripted --layer fc empty => no image in 'empty'; looked for files ending in jpg, jpeg, jfif, jpe, jif, png, webp, bmp, gif, tif, tiff, ppm, pgm, pbm, pnm, qoi, tga
--model resnet_scripted --layer fc notes => no image in 'notes' (1 other file left out: 'a.txt'); looked for files ending in jpg, ...
--model resnet_scripted --layer fc --list leaving.txt photos => 'leaving.txt' line 2: '../up.jpg' is not inside 'photos'; paths are relative to the image folder
--model resnet_scripted --layer fc --list nothing.txt photos => the list 'nothing.txt' names no image; expected one path a line
--model resnet_scripted --layer fc --list nowhere.txt photos => cannot read the list 'nowhere.txt': No such file or directory (os error 2)
",
    );
}

#[test]
fn layers_that_are_not_there() {
    let dir = workdir("refused_layers");
    refused(
        &dir,
        1,
        "
--model resnet_scripted --layer layer5 photos => layer 'layer5' is not in 'resnet_scripted.pt'; nearest: 'layer4', 'layer3' (see: featx inspect models/resnet_scripted.pt)
--model resnet_scripted --layer fc,layer5.* photos => no layer of 'resnet_scripted.pt' matches 'layer5.*'; nearest: ...
--model resnet_scripted --layer layer[1 photos => layer glob 'layer[1' is malformed: unclosed character class; missing ']'
--model models/broken/frozen.pt --layer stem photos => 'frozen.pt' has no layers: it was frozen, or is a single module; export it unfrozen, or take its own output with --layer .
--model models/broken/no_layers.pt --layer * photos => 'no_layers.pt' has no layers: it was frozen, or is a single module; export it unfrozen, or take its own output with --layer .
--model models/broken/names_are_paths.pt --layer a/b photos => layer 'a/b' has a '/' in its name, which its folder cannot have; rename the module and export it again
",
    );
    assert!(!std::path::Path::new("/tmp/featx-was-here").exists());
}

/// The command in the message is pasted; so is a model's name, and a path that a shell would take apart.
#[test]
fn what_inspect_is_asked_for_is_there() {
    let dir = workdir("refused_paste");
    std::fs::create_dir(dir.path("my models")).unwrap();
    std::fs::copy(
        dir.path("models/resnet_scripted.pt"),
        dir.path("my models/it's.pt"),
    )
    .unwrap();
    let ended = dir.featx(&[
        "extract",
        "--out",
        "out",
        "--model",
        "my models/it's.pt",
        "--layer",
        "LAYER1",
        "photos",
    ]);
    let line = error_line(&ended, "odd path", 1);
    assert!(line.contains("nearest: 'layer1', "), "{line}");
    let (_, command) = line.split_once("(see: featx ").unwrap();
    let script = format!("\"$0\" {}", command.trim_end_matches(')'));
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_featx")])
        .current_dir(dir.path(""));
    let pasted = shell.output().unwrap();
    assert!(pasted.status.success() && String::from_utf8_lossy(&pasted.stdout).contains("layer4"));
    assert!(
        dir.featx_ok(&["inspect", "resnet_scripted"])
            .contains("layer4")
    );
}

#[test]
fn layers_that_give_no_rows() {
    let dir = workdir("refused_silent_layers");
    refused(
        &dir,
        1,
        "
--model never_called_scripted --layer unused photos => layer 'unused' of 'never_called_scripted.pt' is never called by the model's forward in eval mode; a layer near it: 'stem' (see: featx inspect models/never_called_scripted.pt)
--model never_called_scripted --layer weights_only photos => layer 'weights_only' of 'never_called_scripted.pt' is never called: its parent uses its weights directly; a layer near it: 'stem' ...
--model never_called_scripted --layer unused* photos => no layer that 'unused*' matches is ever called in 'never_called_scripted.pt' (see: featx inspect models/never_called_scripted.pt)
--model swin_traced --layer features.1.0.stochastic_depth photos => layer 'features.1.0.stochastic_depth' of 'swin_traced.pt' left no trace when the model was traced (it did nothing there, or nothing uses what it gave); a layer near it: ...
--model odd_rows_scripted --layer head,scalar photos => layer 'scalar' gives () for ...
--model odd_rows_scripted --layer four_rows photos => layer 'four_rows' gives (...
--model optional_output_scripted --layer none photos => layer 'none' gave nothing for these images: the model took a branch without it, or it returned None
--model branch_scripted --layer not_taken photos => layer 'not_taken' gave nothing for these images: ...
--model resnet_scripted --layer layer1 --tokens cls photos => --tokens needs rows of shape (tokens, dim); layer 'layer1' gives (16, 16, 16)
",
    );
}

#[test]
fn wrong_usage_ends_with_2() {
    let dir = workdir("refused_usage");
    refused(
        &dir,
        2,
        "
--layer fc photos => --model is required (see: featx extract --help)
--model resnet_scripted photos => --layer is required (see: featx extract --help)
--model resnet_scripted --layer fc --resize 0 photos => --resize must be between 1 and 16384 pixels, found 0; the usual is resize 256, crop 224
--model resnet_scripted --layer fc --crop 99999 photos => --crop must be between 1 and 16384 pixels, found 99999; ...
--model resnet_scripted --layer fc --mean 0.5 photos => --mean must be three numbers for channels rgb, found 1; ...
--model resnet_scripted --layer fc --mean a,b,c photos => invalid value 'a' for '--mean <R,G,B>': ...
--model resnet_scripted --layer fc --mean nan,0,0 photos => --mean must be three finite numbers, found NaN; ...
--model resnet_scripted --layer fc --std 1,0,1 photos => --std must be three finite numbers above 0, found 0; ...
--model resnet_scripted --layer fc --resize all photos => invalid value 'all' for '--resize <PIXELS>': expected the shorter side (256), height and width (480x640), longer:640, or none
--model resnet_scripted --layer fc --resize longer:64 --crop none photos => --resize longer:64 and crop none make images of different sizes, and a batch has one; ...
--model resnet_scripted --layer fc --resize longer:64 --pad 64x64 --crop 96 photos => --pad to 64x64 is smaller than crop 96x96; ...
--model resnet_scripted --layer fc --resampler torch --interpolation box photos => --resampler torch has no box; expected one of: nearest, bilinear, bicubic
--model resnet_scripted --layer fc --interpolation cubic photos => invalid value 'cubic' for '--interpolation ...
--model resnet_scripted --layer fc --batch-size 0 photos => invalid value '0' for '--batch-size <N|auto>': expected a number of at least 1, or auto
--model resnet_scripted --layer fc --step-size all photos => invalid value 'all' for '--step-size <N|auto>': expected a number of at least 1, or auto
--model resnet_scripted --layer fc --workers 0 photos => --workers must be between 1 and 1024, found 0
--model resnet_scripted --layer fc --threads 100000 photos => --threads must be between 1 and 1024, found 100000
--model resnet_scripted --layer fc --dtype f64 photos => invalid value 'f64' for '--dtype <DTYPE>'...
--model resnet_scripted --layer fc --colour photos => unexpected argument '--colour' found
",
    );
    let ended = dir.featx(&[
        "extract",
        "--model",
        "resnet_scripted",
        "--layer",
        "fc",
        "photos",
    ]);
    let line = error_line(&ended, "no --out", 2);
    assert_eq!(line, "--out is required (see: featx extract --help)");
}
