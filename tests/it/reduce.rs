//! `--pool` and `--project`: what PyTorch and SciPy give, the same bytes however a run is cut, what is refused.

use crate::support::arrays::assert_near;
use crate::support::extraction::{extract, extract_ok, only_part, refusal, refused};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::fs;
use std::path::Path;

/// The only part of a layer of four photos.
const PART: &str = "features_0000000000-0000000004.npy";

/// Runs featx for one layer of the narrow ResNet, then moves the run to `to`.
#[track_caller]
fn run(dir: &Workdir, args: &str, to: &str) {
    extract_ok(dir, &format!("--model resnet_scripted {args} photos"));
    fs::rename(dir.path("out"), dir.path(to)).unwrap();
}

/// Python, with the project's reader as `featx` and SciPy.
#[track_caller]
fn python(dir: &Workdir, code: &str) -> String {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python");
    let start = format!("import sys; sys.path.insert(0, {:?})", reader);
    dir.python(&format!(
        "{start}\nimport featx, subprocess, torch\nimport torch.nn.functional as F
def distance(found, expected):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)
{code}"
    ))
}

#[test]
fn pooling_is_pytorchs() {
    let dir = workdir("reduce_pool");
    run(&dir, "--layer layer1", "whole");
    let mut check = format!("x = torch.from_numpy(np.load('whole/layer1/{PART}'))\n");
    for (pool, expected) in [
        ("avg", "F.adaptive_avg_pool2d(x, 1).flatten(1)"),
        ("max", "F.adaptive_max_pool2d(x, 1).flatten(1)"),
        ("avg:2", "F.adaptive_avg_pool2d(x, 2)"),
        ("max:7", "F.adaptive_max_pool2d(x, 7)"),
    ] {
        run(&dir, &format!("--layer layer1 --pool {pool}"), pool);
        check += &format!(
            "assert distance(np.load('{pool}/layer1/{PART}'), {expected}.numpy()) <= 1e-6, '{pool}'\n"
        );
    }
    python(&dir, &check);
}

#[test]
fn tokens_are_pooled_where_the_toml_says_their_grid() {
    let dir = workdir("reduce_tokens");
    let layer = "encoder.layers.encoder_layer_0";
    dir.write("vit.pt", dir.read("models/vit_scripted.pt"));
    let toml = String::from_utf8(dir.read("models/vit_scripted.toml")).unwrap();
    dir.write("vit.toml", &toml);
    let args = format!("--model vit.pt --layer {layer} --pool avg:2 photos");
    assert_eq!(
        refusal(&dir, &args, 1),
        format!(
            "layer '{layer}' gives rows of shape (17, 32): --pool avg:2 needs rows of shape (channels, height, width), or \
             tokens whose grid the model's TOML gives: [tokens] grid = [14, 14]"
        )
    );
    dir.write("vit.toml", format!("{toml}\n[tokens]\ngrid = [4, 4]\n"));
    extract_ok(&dir, &args);
    let distance = python(
        &dir,
        &format!(
            "x = torch.from_numpy(np.load('models/vit_scripted/{layer}.npy'))[:, 1:]
x = F.adaptive_avg_pool2d(x.unflatten(1, (4, 4)).permute(0, 3, 1, 2), 2)
print(distance(np.load('out/{layer}/{PART}'), x.numpy()))"
        ),
    );
    assert!(
        distance.trim().parse::<f64>().unwrap() <= 1e-5,
        "{distance}"
    );
}

#[test]
fn what_cannot_be_pooled_is_left_out_of_a_glob() {
    let dir = workdir("reduce_glob");
    let said = extract_ok(
        &dir,
        "--model resnet_scripted --layer f*,layer4 --pool avg photos",
    );
    let line = "left out: layer 'fc' gives rows of shape (10): --pool avg needs rows of shape (channels, height, width); \
                leave the layer out, or choose one before it";
    assert!(said.contains(line), "{said}");
    assert_eq!(only_part(&dir, "layer4").0, [4, 128]);
    assert!(!dir.path("out/fc").exists());
}

#[test]
fn a_projection_is_scipys_product() {
    let dir = workdir("reduce_project");
    for (pool, rows) in [
        ("", "x.flatten(1)"),
        ("--pool max:5", "F.adaptive_max_pool2d(x, 5).flatten(1)"),
    ] {
        run(&dir, "--layer layer1", "whole");
        run(
            &dir,
            &format!("--layer layer1 {pool} --project 200 --seed 5"),
            "projected",
        );
        let inspected = dir.featx_ok(&["inspect", "projected", "--json"]);
        dir.write("inspected.json", inspected);
        let distance = python(
            &dir,
            &format!(
                "p = json.load(open('inspected.json'))['layers'][0]['projection']
assert p.pop('recipe') == 1 and p['seed'] == 5 and p['N'] == 200
R = featx.projection_matrix(**p)
x = torch.from_numpy(np.load('whole/layer1/{PART}'))
print(distance(np.load('projected/layer1/{PART}'), ({rows}).numpy() @ R.T))"
            ),
        );
        assert!(
            distance.trim().parse::<f64>().unwrap() <= 1e-5,
            "{pool}: {distance}"
        );
        for made in ["whole", "projected"] {
            fs::remove_dir_all(dir.path(made)).unwrap();
        }
    }
}

#[test]
fn rows_that_are_short_enough_stay_and_the_user_is_told() {
    let dir = workdir("reduce_short");
    let said = extract_ok(
        &dir,
        "--model resnet_scripted --layer fc,layer4 --project 512 photos",
    );
    assert!(
        said.contains(
            "not projected, because they already have at most that many numbers: 'fc', 'layer4'\n"
        ),
        "{said}"
    );
    assert_eq!(only_part(&dir, "layer4").0, [4, 128, 2, 2]);
}

#[test]
fn the_same_bytes_whatever_the_batches_threads_and_shards() {
    let dir = workdir("reduce_bytes");
    let photos = dir.names("photos");
    let many: String = (0..24).map(|i| photos[i % 4].clone() + "\n").collect();
    dir.write("many.txt", many);
    let args = "--layer conv1 --project 300 --list many.txt";
    let mut bytes = Vec::new();
    let mut add = |dir: &Workdir, from: &str| {
        dir.featx_ok(&["merge", from, "--quiet"]);
        bytes.push(dir.read(&format!("{from}/conv1/features.npy")));
    };
    for (index, more) in [
        "--batch-size 4 --threads 1",
        "--batch-size 1 --threads 2",
        "--batch-size 9 --threads 2",
    ]
    .iter()
    .enumerate()
    {
        let to = format!("run{index}");
        run(&dir, &format!("{args} {more}"), &to);
        add(&dir, &to);
    }
    for shard in ["2/3", "0/3", "1/3"] {
        extract_ok(
            &dir,
            &format!("--model resnet_scripted {args} --batch-size 4 --shard {shard} photos"),
        );
    }
    add(&dir, "out");
    // A resumed run: its middle parts are gone.
    run(
        &dir,
        &format!("{args} --batch-size 4 --step-size 1 --overwrite"),
        "cut",
    );
    fs::rename(dir.path("cut"), dir.path("out")).unwrap();
    for part in [
        "features_0000000004-0000000008.npy",
        "features_0000000012-0000000016.npy",
    ] {
        fs::remove_file(dir.path(&format!("out/conv1/{part}"))).unwrap();
    }
    let said = extract_ok(
        &dir,
        &format!("--model resnet_scripted {args} --batch-size 4 photos"),
    );
    assert!(said.contains("16 of 24 rows are done"), "{said}");
    add(&dir, "out");
    assert_eq!(bytes.len(), 5);
    for other in &bytes[1..] {
        assert!(*other == bytes[0]);
    }
}

#[test]
fn another_reduction_does_not_go_on_with_a_run() {
    let dir = workdir("reduce_resume");
    let args = "--model resnet_scripted --layer layer1";
    extract_ok(&dir, &format!("{args} --pool avg:4 --project 50 photos"));
    for (more, words) in [
        (
            "--pool avg:4 --project 50 --seed 1",
            "seed 0, this one asks for 1",
        ),
        (
            "--pool avg:4 --project 51",
            "project 50, this one asks for 51",
        ),
        ("--pool avg:4", "project 50, this one asks for none"),
        (
            "--pool max:4 --project 50",
            "pool avg:4, this one asks for max:4",
        ),
        ("--project 50", "pool avg:4, this one asks for none"),
    ] {
        let ended = extract(&dir, &format!("{args} {more} photos"));
        let line = format!(
            "error: 'out' holds a run with {words}; choose another --out or pass --overwrite\n"
        );
        assert!(ended.stderr.ends_with(&line), "{}", ended.stderr);
        assert_eq!(ended.code, Some(1));
    }
}

#[test]
fn what_it_saves_is_told_before_and_after() {
    let dir = workdir("reduce_told");
    let args = "--model resnet_scripted --layer layer1,fc --project 64";
    let plan = extract(&dir, &format!("{args} --dry-run photos")).stdout;
    for words in [
        "296 B instead of 16.4 kB (55.5 times less)",
        "(64) of (16, 16, 16)",
    ] {
        assert!(plan.contains(words), "{plan}");
    }
    let json = extract(&dir, &format!("{args} --dry-run --json photos")).stdout;
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["bytes_per_row"], 4 * (64 + 10));
    assert_eq!(plan["unreduced_bytes_per_row"], 4 * (4096 + 10));
    extract_ok(&dir, &format!("{args} photos"));
    let told = dir.featx_ok(&["inspect", "out"]);
    for words in [
        "to 64 numbers, seed 0",
        "296 B instead of 16.4 kB (55.5 times less); saves 64.5 kB",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let told: serde_json::Value =
        serde_json::from_str(&dir.featx_ok(&["inspect", "out", "--json"])).unwrap();
    let expected =
        serde_json::json!({"layer": "layer1", "D": 4096, "N": 64, "seed": 0, "recipe": 1});
    assert_eq!(told["layers"][0]["projection"], expected);
    assert_eq!(told["layers"][1]["projection"], serde_json::Value::Null);
}

#[test]
fn options_that_cannot_be_meant() {
    let dir = workdir("reduce_refused");
    refused(
        &dir,
        2,
        "
--model resnet_scripted --layer fc --project 0 photos => --project must be between 1 and 1,048,576, found 0
--model resnet_scripted --layer fc --project 1048577 photos => --project must be between 1 and 1,048,576, found 1048577
--model resnet_scripted --layer fc --seed 3 photos => --seed is for --project, which is missing; add --project N, or leave --seed out
--model vit_scripted --layer encoder --tokens cls --pool avg photos => --tokens and --pool both reduce a layer; choose one of them
--model resnet_scripted --layer fc --pool avg:0 photos => invalid value 'avg:0' for '--pool <avg|max|avg:N|max:N>': expected avg, max, avg:N or max:N, with N from 1 to 65536; found 'avg:0'
",
    );
    refused(
        &dir,
        1,
        "
--model resnet_scripted --layer fc --pool max photos => layer 'fc' gives rows of shape (10): --pool max needs rows of shape (channels, height, width); leave the layer out, or choose one before it
",
    );
}

#[test]
fn a_config_may_say_it() {
    let dir = workdir("reduce_config");
    dir.write(
        "c.toml",
        "pool = 'avg:4'\nproject = 40\nseed = 2\nlayer = 'layer1'\nmodel = 'resnet_scripted'\n",
    );
    extract_ok(&dir, "--config c.toml photos");
    fs::rename(dir.path("out"), dir.path("by_config")).unwrap();
    run(
        &dir,
        "--layer layer1 --pool avg:4 --project 40 --seed 2",
        "typed",
    );
    let [(shape, found), (_, expected)] = ["by_config", "typed"]
        .map(|run| crate::support::arrays::values(&dir.path(&format!("{run}/layer1/{PART}"))));
    assert_eq!(shape, [4, 40]);
    assert_near(&found, &expected, 0.0);
    dir.write("c.toml", "pool = 'min'\n");
    let line = refusal(
        &dir,
        "--config c.toml --model resnet_scripted --layer fc photos",
        1,
    );
    assert!(line.contains("expected avg, max, avg:N or max:N"), "{line}");
}
