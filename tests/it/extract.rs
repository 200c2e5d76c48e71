//! `featx extract`: which rows, in which parts, of what shape and values.

use crate::support::arrays::{assert_near, values};
use crate::support::extraction::{extract_ok, only_part};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::path::Path;

/// The test photos, in the order of their names.
const PHOTOS: [&str; 4] = ["brushes.jpg", "dragonfly.jpg", "lamp.png", "stream.jpg"];

/// Relative L2 distance that is still the same, in f32.
const TOLERANCE: f64 = 1e-5;

/// Shape and values that PyTorch's hooks saw.
fn reference(dir: &Workdir, model: &str, layer: &str) -> (Vec<u64>, Vec<f64>) {
    values(&dir.path(&format!("models/{model}/{layer}.npy")))
}

#[test]
fn a_row_is_what_a_hook_sees_of_the_image_on_that_line() {
    let dir = workdir("extract_rows");
    let said = extract_ok(&dir, "--model resnet_scripted --layer layer2 photos");
    let names = dir.read("out/file_names.txt");
    assert_eq!(String::from_utf8(names).unwrap(), PHOTOS.join("\n") + "\n");
    assert_eq!(
        dir.names("out/layer2"),
        ["features_0000000000-0000000004.npy"]
    );
    let (shape, found) = only_part(&dir, "layer2");
    let expected = reference(&dir, "resnet_scripted", "layer2");
    assert_eq!(shape, expected.0);
    assert_near(&found, &expected.1, TOLERANCE);
    // Where there is no terminal: what a log should hold, and nothing that draws.
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    let from = "preprocessing: resize 72, crop 64, bilinear ('models/resnet_scripted.toml')";
    assert_eq!(lines[0], from);
    assert!(lines[1].starts_with("4 images in "), "{said}");
    assert!(lines[2].starts_with("bound by: "), "{said}");
    assert!(!said.contains(['\r', '\x1b']), "{said:?}");
}

#[test]
fn folders_are_searched_and_sorted_by_the_bytes_of_the_path() {
    let dir = workdir("extract_sorted");
    for (name, photo) in [
        ("b.jpg", "stream.jpg"),
        ("a/z.PNG", "lamp.png"),
        ("B.jpeg", "brushes.jpg"),
        ("a.jpg", "dragonfly.jpg"),
    ] {
        dir.write(
            &format!("images/{name}"),
            dir.read(&format!("photos/{photo}")),
        );
    }
    dir.write("images/notes.txt", "");
    // `images` is the default.
    let said = extract_ok(&dir, "--model resnet_scripted --layer fc");
    assert!(
        said.contains("1 other file left out: 'notes.txt'\n"),
        "{said}"
    );
    let names = String::from_utf8(dir.read("out/file_names.txt")).unwrap();
    assert_eq!(names, "B.jpeg\na.jpg\na/z.PNG\nb.jpg\n");
    assert_near(
        &only_part(&dir, "fc").1,
        &reference(&dir, "resnet_scripted", "fc").1,
        TOLERANCE,
    );
}

#[test]
fn a_list_gives_the_order_and_an_image_as_often_as_it_names_it() {
    let dir = workdir("extract_list");
    dir.write("list.txt", "stream.jpg\r\n\nbrushes.jpg\nstream.jpg\n");
    extract_ok(
        &dir,
        "--model resnet_scripted --layer fc --list list.txt photos",
    );
    let names = String::from_utf8(dir.read("out/file_names.txt")).unwrap();
    assert_eq!(names, "stream.jpg\nbrushes.jpg\nstream.jpg\n");
    let (shape, expected) = reference(&dir, "resnet_scripted", "fc");
    let row = |image: usize| &expected[image * shape[1] as usize..][..shape[1] as usize];
    let expected = [row(3), row(0), row(3)].concat();
    assert_near(&only_part(&dir, "fc").1, &expected, TOLERANCE);
}

#[test]
fn layers_are_named_separated_by_commas_or_globbed() {
    let dir = workdir("extract_layers");
    let layers = "--layer layer1.*.conv? --layer fc,relu --layer layer4.{0,1}";
    extract_ok(&dir, &format!("--model resnet_traced {layers} photos"));
    let found: Vec<String> = dir
        .names("out")
        .into_iter()
        .filter(|name| dir.path("out").join(name).is_dir())
        .collect();
    let expected =
        "fc layer1.0.conv1 layer1.0.conv2 layer1.1.conv1 layer1.1.conv2 layer4.0 layer4.1 relu";
    assert_eq!(found.join(" "), expected);
    for layer in &found {
        let expected = reference(&dir, "resnet_traced", layer).1;
        assert_near(&only_part(&dir, layer).1, &expected, TOLERANCE);
    }
}

#[test]
fn a_glob_leaves_out_layers_that_have_no_row_an_image() {
    let dir = workdir("extract_odd_rows");
    let said = extract_ok(&dir, "--model odd_rows_scripted --layer * photos");
    assert!(dir.path("out/head").is_dir() && dir.path("out/stem").is_dir());
    for layer in [
        "four_rows",
        "two_heads",
        "no_batch",
        "scalar",
        "batch_second",
    ] {
        let line = format!("left out: layer '{layer}' gives (");
        assert!(said.contains(&line), "{said}");
        assert!(!dir.path("out").join(layer).exists());
    }
}

#[test]
fn rows_are_flattened_and_halved() {
    let dir = workdir("extract_stored");
    extract_ok(
        &dir,
        "--model resnet_scripted --layer layer3 --flatten --dtype f16 photos",
    );
    let (shape, expected) = reference(&dir, "resnet_scripted", "layer3");
    let (found_shape, found) = only_part(&dir, "layer3");
    assert_eq!(found_shape, [shape[0], shape[1..].iter().product()]);
    // Half of the last of 11 bits, of each number.
    assert_near(&found, &expected, 2f64.powi(-11));
    let form = dir.python(
        "a = np.load('out/layer3/features_0000000000-0000000004.npy', mmap_mode='r')
print(type(a).__name__, a.dtype.str, a.flags.c_contiguous)",
    );
    assert_eq!(form, "memmap <f2 True\n");
}

#[test]
fn tokens_are_reduced_as_numpy_does() {
    let dir = workdir("extract_tokens");
    let layer = "encoder.layers.encoder_layer_0";
    for (tokens, expected) in [
        ("cls", "a[:, 0]"),
        ("mean", "a[:, 1:].mean(1)"),
        ("cls+mean", "np.concatenate([a[:, 0], a[:, 1:].mean(1)], 1)"),
    ] {
        extract_ok(
            &dir,
            &format!("--model vit_scripted --layer {layer} --tokens {tokens} photos"),
        );
        let close = dir.python(&format!(
            "a = np.load('models/vit_scripted/{layer}.npy')
b = np.load('out/{layer}/features_0000000000-0000000004.npy')
e = {expected}
print(b.shape == e.shape and np.linalg.norm(b - e) <= {TOLERANCE} * np.linalg.norm(e))"
        ));
        assert_eq!(close, "True\n", "{tokens}");
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
}

#[test]
fn a_part_holds_step_size_batches_and_numpy_maps_each() {
    let dir = workdir("extract_parts");
    let list: String = (0..11).map(|i| format!("{}\n", PHOTOS[i % 4])).collect();
    dir.write("list.txt", list);
    let options = "--batch-size 2 --step-size 2 --list list.txt";
    extract_ok(
        &dir,
        &format!("--model resnet_scripted --layer layer4,fc {options} photos"),
    );
    for layer in ["layer4", "fc"] {
        assert_eq!(
            dir.names(&format!("out/{layer}")),
            [
                "features_0000000000-0000000004.npy",
                "features_0000000004-0000000008.npy",
                "features_0000000008-0000000011.npy"
            ]
        );
    }
    let rows = dir.python(
        "parts = [np.load(f'out/fc/{p}', mmap_mode='r') for p in sorted(os.listdir('out/fc'))]
a = np.concatenate(parts); e = np.load('models/resnet_scripted/fc.npy')
print(a.shape, max(np.linalg.norm(a[i] - e[i % 4]) / np.linalg.norm(e[i % 4]) for i in range(11)) < 1e-5)",
    );
    assert_eq!(rows, "(11, 10) True\n");
}

#[test]
fn the_batch_size_changes_no_row() {
    let dir = workdir("extract_batches");
    let (_, expected) = reference(&dir, "densenet_traced", "features.denseblock2");
    for batch in ["1", "3", "4", "1000"] {
        let args =
            format!("--model densenet_traced --layer features.denseblock2 --batch-size {batch}");
        extract_ok(&dir, &format!("{args} photos"));
        let (_, found) = only_part(&dir, "features.denseblock2");
        assert_near(&found, &expected, TOLERANCE);
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
}

#[test]
fn run_toml_says_what_was_run() {
    let dir = workdir("extract_run_toml");
    let args =
        "--model vit_scripted --layer encoder --tokens mean --batch-size 3 --mean 0.1,0.2,0.3";
    extract_ok(&dir, &format!("{args} photos"));
    let text = String::from_utf8(dir.read("out/run.toml")).unwrap();
    let mut run: toml::Table = text.parse().unwrap();
    for key in ["device", "form", "libtorch"] {
        assert!(run.remove(key).is_some(), "no {key}: {text}"); // what they are depends on the machine
    }
    let command = format!("featx extract --out out {args} photos");
    let expected: toml::Table = format!(
        r#"
command = "{command}"
sources = ["{photos}"]
featx = "{version}"
precision = "f32"
dtype = "f32"
flatten = false
tokens = "mean"
batch_size = 3
images = 4
image_list = "{list}"
shards = 1
model = {{ file = "models/vit_scripted.pt", fingerprint = "{fingerprint}" }}
preprocess = {{ resize = 72, crop = 64, interpolation = "bicubic", mean = [0.1, 0.2, 0.3], std = [0.5, 0.5, 0.5] }}
layers = [{{ name = "encoder", shape = [32], dtype = "<f4" }}]
"#,
        version = env!("CARGO_PKG_VERSION"),
        photos = dir.path("photos").display(),
        list = sha256(&dir, "open('out/file_names.txt', 'rb').read()"),
        fingerprint = fingerprint(&dir, "models/vit_scripted.pt"),
    )
    .parse()
    .unwrap();
    assert_eq!(run, expected);
}

fn sha256(dir: &Workdir, bytes: &str) -> String {
    let digest = dir.python(&format!(
        "import hashlib\nprint(hashlib.sha256({bytes}).hexdigest())"
    ));
    digest.trim().to_owned()
}

/// SHA-256 of the archive's directory, which begins where its end record says.
fn fingerprint(dir: &Workdir, model: impl AsRef<Path>) -> String {
    let model = model.as_ref().display();
    sha256(
        dir,
        &format!(
            "(lambda data, zip: data[zip.start_dir:])(open('{model}', 'rb').read(), __import__('zipfile').ZipFile('{model}'))"
        ),
    )
}
