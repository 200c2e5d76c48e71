//! `featx inspect` of arrays and directories, against NumPy.

use crate::merge::{PARTS, run_dir};
use crate::npy::ARRAYS;
use crate::support::workdir::Workdir;
use serde_json::{Value, json};

fn json_of(dir: &Workdir, path: &str) -> Value {
    serde_json::from_str(&dir.featx_ok(&["inspect", path, "--json"])).unwrap()
}

/// Compares figures that are computed in another order than NumPy's.
fn is_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(a, b))
        }
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            (x - y).abs() <= 1e-11 * x.abs().max(y.abs()).max(1e-300)
        }
        _ => a == b,
    }
}

#[test]
fn figures_are_those_of_numpy() {
    let dir = Workdir::new("inspect_figures");
    let expected = dir.python(&format!(
        "{ARRAYS}
np.seterr(all='ignore')
rng = np.random.default_rng(1)
expected = {{}}
for d in DTYPES[:3] + [t for t in DTYPES if len(t) > 2 and t[1] in 'iufc' and t[1:] not in ('f16', 'c32')]:
    d = np.dtype(d)
    for n in [0, 1, 5, 40000]:
        a = rng.integers(0, 256, n * d.itemsize, dtype='u1').view(d) if d.kind in 'iu' else rng.normal(3, 2, n).astype(d)
        if d.kind == 'c': a = a + (1j * rng.normal(0, 1, n)).astype(d)
        if d.kind in 'fc' and n > 1: a[1] = np.nan; a[3] = np.inf; a[0] = -np.inf
        a = a.astype(d)
        name = f'{{d.str[1:]}}{{\"be\" if d.str[0] == \">\" else \"\"}}-{{n}}.npy'
        np.save(name, a)
        f = a[np.isfinite(a)]
        wide = f.astype('c16') if d.kind == 'c' else f.astype('g') if d.itemsize == 8 else f.astype('f8')
        size = np.abs(wide) if d.kind == 'c' else f
        number = (lambda x: int(x)) if d.kind in 'iub' else float
        mean = None if not len(f) else wide.mean()
        expected[name] = dict(shape=[n], dtype=d.str, finite=len(f), nan=int(np.isnan(a).sum()),
            infinite=int(np.isinf(a).sum()), min=number(size.min()) if len(f) else None,
            max=number(size.max()) if len(f) else None, std=float(wide.std()) if len(f) else None,
            mean=mean if mean is None else [mean.real, mean.imag] if d.kind == 'c' else float(mean))
print(json.dumps(expected))"
    ));
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 25 * 4);
    for (name, wanted) in expected {
        let found = json_of(&dir, name);
        for (key, wanted) in wanted.as_object().unwrap() {
            let found = found
                .get(key)
                .or_else(|| found["statistics"].get(key))
                .unwrap();
            assert!(
                is_close(found, wanted),
                "{name} {key}: found {found}, NumPy {wanted}"
            );
        }
    }
}

#[test]
fn an_array_is_a_neat_table() {
    let dir = Workdir::new("inspect_table");
    dir.python("a = np.arange(24, dtype='f4').reshape(2, 3, 4); a[0, 0, 0] = np.nan; a[1, 1, 1] = np.inf; np.save('a.npy', a)");
    let table = "\
a.npy
  shape     (2, 3, 4)
  rows      2 of (3, 4), 48 B each
  dtype     <f4 (32-bit float, little endian)
  order     C (last axis fastest)
  size      224 B
  min       1
  max       23
  mean      11.77273
  std       6.694175
  NaN       1 (4.17 %)
  infinite  1 (4.17 %)
            min, max, mean and std are those of the finite values
";
    assert_eq!(dir.featx_ok(&["inspect", "a.npy"]), table);
    dir.python("np.save('s.npy', np.array(['ab'])); np.save('f.npy', np.zeros((2, 3), order='F')); np.save('n.npy', np.uint8(7))");
    assert_eq!(json_of(&dir, "s.npy")["statistics"], Value::Null);
    assert_eq!(json_of(&dir, "f.npy")["order"], "Fortran");
    assert_eq!(json_of(&dir, "n.npy")["statistics"]["max"], 7);
}

#[test]
fn a_run_tells_what_is_done_and_what_to_submit() {
    let dir = Workdir::new("inspect_run");
    run_dir(
        &dir,
        "out",
        &["features.30", "fc"],
        40,
        10,
        &[(0, 8), (12, 18)],
    );
    dir.write("out/fc/features_0000000018.partial", "half");
    dir.python("os.rename('out/fc/features_0000000000-0000000008.npy', 'gone.npy')");
    let table = "\
out
  model       vgg16.pt (fingerprint 0123456789ab)
  images      40 in batches of 2
  precision   f32, stored as f32
  preprocess  resize 256, crop 224, bilinear, mean 0.485,0.456,0.406, std 0.229,0.224,0.225
  featx       0.1.0

layer        row  dtype  rows done         files    size   missing rows
features.30  (3)  <f4    14 of 40 (35.0 %)  2 parts  424 B  8-12, 18-40
fc           (3)  <f4    6 of 40 (15.0 %)   1 part   200 B  0-12, 18-40

shards: 1 of 10 done
missing: --array=0-2,4-9
";
    let squeeze = |text: &str| {
        text.lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(squeeze(&dir.featx_ok(&["inspect", "out"])), squeeze(table));
    let found = json_of(&dir, "out");
    assert_eq!(found["layers"][1]["missing"], json!([[0, 12], [18, 40]]));
    assert_eq!(
        found["shards"],
        json!({
            "count": 10,
            "done": 1,
            "running": [],
            "missing": [0, 1, 2, 4, 5, 6, 7, 8, 9],
            "array": "0-2,4-9",
            "submit": [{"offset": 0, "array": "0-2,4-9"}],
            "system": "Slurm",
            "resubmit": ["--array=0-2,4-9"]
        })
    );
    assert_eq!(found["run"]["model"]["file"], "vgg16.pt");
}

#[test]
fn a_merged_layer_is_done() {
    let dir = Workdir::new("inspect_merged");
    run_dir(&dir, "out", &["fc"], 40, 10, &[(0, 20), (20, 40)]);
    dir.featx_ok(&["merge", "out", "--remove-parts"]);
    assert_eq!(dir.names("out/fc"), ["features.npy"]);
    let found = json_of(&dir, "out");
    assert_eq!(found["layers"][0]["rows_done"], 40);
    assert_eq!(found["layers"][0]["merged"], true);
    assert_eq!(found["shards"]["array"], "");
    // And a second merge has nothing to do.
    let again = dir.featx(&["merge", "out"]);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (Some(0), "fc: merged already, 40 rows\n")
    );
}

#[test]
fn a_damaged_part_is_a_problem_and_its_rows_are_missing() {
    let dir = Workdir::new("inspect_damaged");
    run_dir(&dir, "out", &["fc"], 10, 1, &[(0, 4), (4, 10)]);
    let part = dir.read("out/fc/features_0000000004-0000000010.npy");
    dir.write(
        "out/fc/features_0000000004-0000000010.npy",
        &part[..part.len() - 1],
    );
    let layer = &json_of(&dir, "out")["layers"][0];
    assert_eq!(layer["missing"], json!([[4, 10]]));
    let line = "'out/fc/features_0000000004-0000000010.npy': cut short: its header promises 72 bytes of data, \
                the file has 71";
    assert_eq!(layer["problems"], json!([line]));
    dir.featx_err(&["merge", "out"], line);
}

#[test]
fn folders_without_a_run_are_told_too() {
    let dir = Workdir::new("inspect_bare");
    dir.python(&format!(
        "{PARTS}parts('tv/conv1', np.zeros((6, 2), 'f4'), [2, 6], plain)"
    ));
    let table = "tv: no run.toml\n\n\
        layer  row  dtype  rows done         files    size   missing rows\n\
        conv1  (2)  <f4    6 of 6 (100.0 %)  2 parts  304 B  none\n";
    assert_eq!(dir.featx_ok(&["inspect", "tv"]), table);
    assert_eq!(json_of(&dir, "tv/conv1")["layers"][0]["rows_done"], 6);
}

#[test]
fn what_is_nothing_of_ours_is_refused() {
    let dir = Workdir::new("inspect_nothing");
    dir.featx_err(
        &["inspect", "runs/none"],
        "'runs/none': No such file or directory (os error 2)",
    );
    #[cfg(feature = "torch")]
    dir.featx_err(
        &["inspect", "none"],
        "'none': no such file or directory: model 'none' not found in models/; make it with: \
         scripts/export_model.py none",
    );
    #[cfg(not(feature = "torch"))]
    dir.featx_err(
        &["inspect", "none"],
        "'none': No such file or directory (os error 2)",
    );
    dir.write("notes.txt", "hello");
    dir.featx_err(
        &["inspect", "notes.txt"],
        "'notes.txt' is nothing that featx knows: expected an .npy file, a run directory or a TorchScript model",
    );
    #[cfg(not(feature = "torch"))]
    {
        dir.write("vgg16.pt", "PK\x03\x04");
        dir.featx_err(
            &["inspect", "vgg16.pt"],
            "'vgg16.pt' is a model, and this featx was built without libtorch; \
             build it with the feature 'torch' to inspect models",
        );
    }
}

#[test]
fn pipes_and_archives_of_arrays_are_named_without_waiting() {
    let dir = Workdir::new("inspect_others");
    dir.python("os.mkfifo('pipe')\nos.mkfifo('pipe.npy')\nnp.savez('a.npz', x=np.zeros(3))");
    for pipe in ["pipe", "pipe.npy"] {
        let line = format!("'{pipe}' is a pipe or a device; expected a file or a directory");
        dir.featx_err(&["inspect", pipe], &line);
    }
    let line = "'a.npz' is an archive of arrays; unpack it, and inspect each: unzip a.npz -d a";
    dir.featx_err(&["inspect", "a.npz"], line);
    dir.python("np.savez(\"a b's.npz\", x=np.zeros(3))");
    let line = r"'a b's.npz' is an archive of arrays; unpack it, and inspect each: unzip 'a b'\''s.npz' -d 'a b'\''s'";
    dir.featx_err(&["inspect", "a b's.npz"], line);
}

#[cfg(feature = "torch")]
#[test]
fn a_tree_nests_modules_and_tells_what_its_parts_take() {
    let dir = crate::support::models::workdir("inspect_tree");
    let model = "models/resnet_scripted.pt";
    let tree = dir.featx_ok(&["inspect", model, "--tree"]);
    for line in ["\nlayer1  ", "\n  0  ", "\n    conv1  ", "\n'layer1.*'  "] {
        assert!(tree.contains(line), "{line}: {tree}");
    }
    let text = dir.featx_ok(&["inspect", model, "--tree", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let parts = report["forecast"].as_array().unwrap();
    assert_eq!(parts.len(), 4, "{parts:?}");
    for part in parts {
        let front = part["layers"].as_str().unwrap().trim_end_matches('*');
        let layers = report["layers"].as_array().unwrap().iter();
        let rows: Vec<u64> = layers
            .filter(|layer| layer["name"].as_str().unwrap().starts_with(front))
            .filter_map(|layer| layer["bytes_per_row"].as_u64())
            .collect();
        assert_eq!(part["count"].as_u64().unwrap(), rows.len() as u64);
        assert_eq!(
            part["bytes_per_row"].as_u64().unwrap(),
            rows.iter().sum::<u64>()
        );
        assert!(part["ram_bytes"].as_u64().unwrap() > 50_000_000, "{part}");
        assert!(part["images_per_second"].as_f64().unwrap() > 0.0, "{part}");
    }
}
