//! `featx merge --out FILE` in every format, read back by the libraries that these formats are for.

use crate::support::workdir::{Ended, Workdir};
use std::process::Command;

pub const SEVERAL: [&str; 6] = ["h5", "hdf5", "mat", "parquet", "safetensors", "pt"];

/// Python: `run(name, layers, rows, ends, dtype)` writes a run of three shards whose row 3 is NaN, and, beside it, what
/// each layer's array is; `same` compares bit for bit.
const RUN: &str = r#"
def run(name, layers, rows, ends, dtype='<f4'):
    stored = {'<f4': 'f32', '<f2': 'f16'}[dtype]
    toml = f'''featx = "0.1.0"
precision = "f32"
dtype = "{stored}"
flatten = false
batch_size = 2
images = {rows}
image_list = "ab"
shards = 3
[model]
file = "vgg16.pt"
fingerprint = "0123456789abcdef"
[preprocess]
resize = 256
crop = 224
interpolation = "bilinear"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
'''
    random = np.random.default_rng(0)
    for layer, shape in layers.items():
        toml += f'[[layers]]\nname = "{layer}"\nshape = {list(shape)}\ndtype = "{dtype}"\n'
        a = random.standard_normal((rows, *shape), dtype='f4').astype(dtype)
        a[3] = np.nan; a.flat[0] = np.inf; a.flat[1] = -0.0; a.flat[2] = 1e-7
        os.makedirs(f'{name}/{layer}')
        for s, e in zip([0, *ends], [*ends, rows]):
            np.save(f'{name}/{layer}/features_{s:010}-{e:010}.npy', a[s:e])
        np.save(f'{name}-{layer}.npy', a)
    open(f'{name}/run.toml', 'w').write(toml)
    open(f'{name}/file_names.txt', 'w').write(''.join(f'dir/ü {i}.jpg\n' for i in range(rows)))
"#;

/// Python: `read(ending, name)` gives an export's arrays by layer, its file names and its facts, as the format's own
/// library reads it; `check(name, layers, endings)` compares them with what was run.
const READ: &str = r#"
def read(name, ending, layers):
    file = f'{name}.{ending}'
    if ending in ('h5', 'hdf5'):
        import h5py
        with h5py.File(file) as f:
            assert all(f[l].chunks[1:] == f[l].shape[1:] for l in layers)
            return {l: f[l][()] for l in layers}, list(f['file_names'].asstr()[()]), dict(f.attrs)
    if ending == 'mat':
        import mat73
        m = mat73.loadmat(file)
        facts = dict(line.split(' = ', 1) for line in m['run'].splitlines())
        return {l: m[l.replace('.', '_')] for l in layers}, [n for [n] in m['file_names']], facts
    if ending == 'parquet':
        import pandas, pyarrow, pyarrow.parquet
        schema = pyarrow.parquet.read_schema(file)
        table = pandas.read_parquet(file)
        arrays = {}
        for l in layers:
            assert pyarrow.types.is_fixed_size_list(schema.field(l).type), schema
            shape = json.loads(schema.metadata[f'{l}.shape'.encode()].decode().replace('(', '[').replace(')', ']'))
            arrays[l] = np.stack(table[l]).reshape(-1, *shape)
        return arrays, list(table.file_name), {k.decode(): v.decode() for k, v in schema.metadata.items()}
    if ending == 'safetensors':
        import safetensors
        with safetensors.safe_open(file, 'np') as f:
            names = bytes(f.get_tensor('file_names')).decode().splitlines()
            return {l: f.get_tensor(l) for l in layers}, names, f.metadata()
    if ending == 'pt':
        import torch, zipfile
        t = torch.load(file, mmap=True, weights_only=True)
        assert zipfile.ZipFile(file).testzip() is None
        assert all(t[l].untyped_storage().data_ptr() % 64 == 0 for l in layers)
        return {l: t[l].numpy() for l in layers}, t['file_names'], t['run']

def same(a, b, what):
    assert (a.shape, a.dtype) == (b.shape, b.dtype), (what, a.shape, a.dtype, b.shape, b.dtype)
    assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes(), what

def check(name, layers, endings):
    expected = open(f'{name}/file_names.txt').read().splitlines()
    for ending in endings:
        arrays, names, facts = read(name, ending, layers)
        for l in layers: same(arrays[l], np.load(f'{name}-{l}.npy'), (ending, l))
        assert names == expected, (ending, names[:3])
        assert facts['model.fingerprint'] == tomllib.load(open(f'{name}/run.toml', 'rb'))['model']['fingerprint'], facts
"#;

pub fn python(dir: &Workdir, code: &str) -> String {
    dir.python(&format!("import tomllib\n{RUN}{READ}{code}"))
}

pub fn export(dir: &Workdir, run: &str, ending: &str, more: &[&str]) -> Ended {
    let out = format!("{run}.{ending}");
    dir.featx(&[&["merge", run, "--out", &out, "--quiet"], more].concat())
}

#[track_caller]
pub fn export_ok(dir: &Workdir, run: &str, ending: &str, more: &[&str]) -> String {
    let ended = export(dir, run, ending, more);
    assert_eq!(ended.code, Some(0), "{ending}: {}", ended.stderr);
    ended.stderr
}

#[test]
fn every_format_gives_every_bit_back() {
    let dir = Workdir::new("exports_read_back");
    python(
        &dir,
        "run('f32', {'features.30': (5, 3, 2), 'fc': (7,), 'wide': (64, 40, 40)}, 41, [4, 11, 29])
run('f16', {'features.30': (5, 3, 2), 'fc': (7,)}, 41, [4, 11, 29], '<f2')",
    );
    for ending in SEVERAL {
        let said = export_ok(&dir, "f32", ending, &[]);
        let line = format!("f32.{ending}: features.30, 41 rows of (5, 3, 2) <f4\n");
        assert!(said.starts_with(&line), "{said}");
        if ending != "mat" {
            export_ok(&dir, "f16", ending, &[]);
        }
    }
    python(
        &dir,
        "check('f32', ['features.30', 'fc', 'wide'], ['h5', 'hdf5', 'mat', 'parquet', 'safetensors', 'pt'])
check('f16', ['features.30', 'fc'], ['h5', 'hdf5', 'parquet', 'safetensors', 'pt'])",
    );
    octave_reads(&dir);
    let line = "layer 'features.30' is stored as <f2, which MATLAB does not have; extract with --dtype f32, or export \
                to .h5 or .npy";
    dir.featx_err(&["merge", "f16", "--out", "f16.mat"], line);
}

/// GNU Octave reads MATLAB's numbers, though not its cells. It is no part of the set-up, so it may be missing.
fn octave_reads(dir: &Workdir) {
    let code =
        "x = load('f32.mat'); assert(size(x.features_30), [41 5 3 2]); assert(size(x.fc), [41 7]);
f = fopen('octave.bin', 'w'); fwrite(f, permute(x.features_30, [4 3 2 1]), 'single'); fclose(f);";
    let mut octave = Command::new("octave-cli");
    octave.args(["--quiet", "--no-gui", "--eval", code]);
    match octave.current_dir(dir.path(".")).output() {
        Err(_) => eprintln!("skipped: no octave-cli"),
        Ok(_) => {
            python(
                dir,
                "a = np.fromfile('octave.bin', '<f4').reshape(41, 5, 3, 2)
same(a, np.load('f32-features.30.npy'), 'octave')",
            );
        }
    }
}

#[test]
fn text_has_the_digits_that_give_a_number_back() {
    let dir = Workdir::new("exports_text");
    python(
        &dir,
        "run('f32', {'features.30': (5, 3, 2), 'fc': (7,)}, 41, [4, 11, 29])
run('f16', {'fc': (7,)}, 41, [20], '<f2')
run('wide', {'fc': (100001,)}, 4, [])",
    );
    for ending in ["csv", "tsv"] {
        export_ok(&dir, "f32", ending, &["--layer", "features.30"]);
        export_ok(&dir, "f16", ending, &[]);
    }
    python(
        &dir,
        "import pandas
for name, layer in [('f32', 'features.30'), ('f16', 'fc')]:
    for ending, comma in [('csv', ','), ('tsv', '\\t')]:
        table = pandas.read_csv(f'{name}.{ending}', sep=comma, dtype=dict.fromkeys([f'f{i}' for i in range(30)], 'f4'))
        a = np.load(f'{name}-{layer}.npy')
        assert list(table.file_name) == open(f'{name}/file_names.txt').read().splitlines()
        # pandas itself may round an f4's digits through a double: what they are is Python's to say
        rows = [line.rstrip('\\n').split(comma)[1:] for line in open(f'{name}.{ending}')][1:]
        same(np.array(rows, 'f8').astype('f4').astype(a.dtype).reshape(a.shape), a, ending)
        for text, number in zip(sum(rows, []), a.astype('f4').ravel()):
            if np.isfinite(number): assert len(text.lstrip('-').replace('.', '').split('e')[0].strip('0')) <= 9, text",
    );
    let line =
        "a file .csv takes one layer, and 'f32' holds 2: features.30, fc; choose one with --layer";
    dir.featx_err(&["merge", "f32", "--out", "no.csv"], line);
    let said = export_ok(&dir, "wide", "csv", &[]);
    assert!(said.starts_with("warning: 100,001 columns"), "{said}");
}

/// Python: `check(ending, layers)` compares an export of `all` with what its layers are, as the format's own library reads it.
const CHECK_ALL: &str = "import h5py, mat73, pyarrow.parquet, safetensors, torch
def check(ending, layers):
    file, layers = f'all.{ending}', layers.split(',')
    if ending == 'h5': arrays = dict(h5py.File(file))
    elif ending == 'mat': arrays = mat73.loadmat(file)
    elif ending == 'pt': arrays = {k: v.numpy() for k, v in torch.load(file, mmap=True).items() if k != 'run'}
    elif ending == 'safetensors': arrays = safetensors.safe_open(file, 'np'); arrays = {l: arrays.get_tensor(l) for l in layers}
    else:
        table = pyarrow.parquet.read_table(file)
        arrays = {l: table[l].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(10, 3, 2) for l in layers}
    for l in layers: same(np.asarray(arrays[l]), np.load(l + '.npy'), l)
";

/// A run `all` with a layer of every type of number, and beside it what each layer's array is.
fn with_every_type(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    python(
        &dir,
        "for d in ['?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', '>f4', '>i8', 'c8']:
    a = np.arange(-7, 53).reshape(10, 3, 2).astype(d)
    name = d.replace('>', 'big_').replace('?', 'b1')
    os.makedirs(f'all/{name}')
    np.save(f'all/{name}/features_0-4.npy', a[:4]); np.save(f'all/{name}/features_4-10.npy', a[4:])
    np.save(f'{name}.npy', a.astype(a.dtype.newbyteorder('<')))",
    );
    dir
}

/// The layers of [`with_every_type`] that are real numbers, without those of `but`.
fn layers_without(but: &str) -> String {
    let real = "b1,i1,i2,i4,i8,u1,u2,u4,u8,f2,f4,f8,big_f4,big_i8";
    let kept = |layer: &&str| !but.split(',').any(|other| other == *layer);
    real.split(',').filter(kept).collect::<Vec<_>>().join(",")
}

#[test]
fn every_type_of_number_has_its_place() {
    let dir = with_every_type("exports_numbers");
    let mut checks = CHECK_ALL.to_owned();
    for (ending, but) in [
        ("h5", ""),
        ("mat", "f2"),
        ("parquet", ""),
        ("safetensors", ""),
        ("pt", "u2,u4,u8"),
    ] {
        let layers = layers_without(but);
        let out = format!("all.{ending}");
        dir.featx_ok(&["merge", "all", "--layer", &layers, "--out", &out]);
        checks += &format!("check('{ending}', '{layers}')\n");
    }
    python(&dir, &checks);
    dir.featx_ok(&["merge", "all", "--layer", "i8", "--out", "i8.csv"]);
    let text = String::from_utf8(dir.read("i8.csv")).unwrap();
    assert!(
        text.starts_with("f0,f1,f2,f3,f4,f5\n-7,-6,-5,-4,-3,-2\n"),
        "{text}"
    );
}

#[test]
fn a_type_that_a_format_does_not_have_is_refused() {
    let dir = with_every_type("exports_complex");
    for (out, line) in [
        (
            "c8.h5",
            "layer 'c8' is stored as <c8, which HDF5 does not have; merge it to .npy",
        ),
        (
            "c8.mat",
            "layer 'c8' is stored as <c8, which MATLAB does not have; extract with --dtype f32, or export to .h5 or .npy",
        ),
    ] {
        dir.featx_err(&["merge", "all", "--layer", "c8", "--out", out], line);
    }
}

#[test]
fn a_merged_layer_exports_as_its_parts_do() {
    let dir = Workdir::new("exports_merged");
    python(
        &dir,
        "run('out', {'a.1': (3,), 'a.2': (3,), 'b': (2,)}, 9, [4])",
    );
    export_ok(&dir, "out", "h5", &["--layer", "a.*"]);
    python(&dir, "check('out', ['a.1', 'a.2'], ['h5'])");
    dir.featx_ok(&["merge", "out", "--remove-parts", "--quiet"]);
    assert_eq!(dir.names("out/a.1"), ["features.npy"]);
    let line = "'out.h5' exists; pass --overwrite to replace it";
    dir.featx_err(&["merge", "out", "--out", "out.h5"], line);
    export_ok(
        &dir,
        "out",
        "h5",
        &["--overwrite", "--layer", "a.1", "--layer", "a.2"],
    );
    python(&dir, "check('out', ['a.1', 'a.2'], ['h5'])");
    python(
        &dir,
        "import h5py; assert set(h5py.File('out.h5')) == {'a.1', 'a.2', 'file_names'}",
    );
    // A layer's own folder knows the run's names.
    export_ok(&dir, "out/b", "pt", &[]);
    python(
        &dir,
        "import torch; assert len(torch.load('out/b.pt')['file_names']) == 9",
    );
}

#[test]
fn what_cannot_be_exported_is_refused_in_words() {
    let dir = Workdir::new("exports_refused");
    python(
        &dir,
        "run('out', {'a.1': (3,), 'a#1': (3,)}, 9, [4])
run('taken', {'file_names': (3,)}, 9, [4])
run('odd', {'fc': (3,)}, 9, [4])
open('odd/file_names.txt', 'wb').write(b'a\\n' * 7 + b'\\xff.jpg\\n' + b'b\\n')
run('few', {'fc': (3,)}, 9, [4])
open('few/file_names.txt', 'w').write('a\\n' * 8)
run('lacks', {'fc': (3,)}, 9, [4])
os.remove('lacks/fc/features_0000000000-0000000004.npy')",
    );
    let refused = |args: &str, line: &str| {
        let args: Vec<&str> = args.split(' ').collect();
        dir.featx_err(&[&["merge"], args.as_slice()].concat(), line);
    };
    let known = ".npy, .h5, .hdf5, .mat, .csv, .tsv, .parquet, .safetensors, .pt";
    for name in ["out.xlsx", "result"] {
        refused(
            &format!("out --out {name}"),
            &format!("'{name}' has no known ending; expected one of {known}"),
        );
    }
    refused(
        "out --out no/where.h5",
        "cannot write 'no/where.h5': 'no' is not a directory",
    );
    refused(
        "out --out x.mat",
        "'a.1' and 'a#1' would both be named 'a_1'; export one of them with --layer",
    );
    for ending in ["h5", "mat", "safetensors", "pt"] {
        refused(
            &format!("taken --out x.{ending}"),
            "'file_names' and 'file_names' would both be named 'file_names'; export one of them with --layer",
        );
    }
    for (ending, format) in [
        ("h5", "HDF5"),
        ("mat", "MATLAB"),
        ("parquet", "Parquet"),
        ("pt", "PyTorch"),
    ] {
        refused(
            &format!("odd --out x.{ending}"),
            &format!(
                "'odd/file_names.txt' line 8 is not UTF-8, which {format} needs; export to .csv, which takes any bytes"
            ),
        );
    }
    dir.featx_ok(&["merge", "odd", "--out", "odd.csv"]);
    refused(
        "few --out x.h5",
        "'few/file_names.txt' has 8 lines, expected 9, one a row",
    );
    refused(
        "lacks --out x.h5",
        "'lacks/fc' lacks rows 0-4 of 9; submit the missing shards again: --array=0,1",
    );
    refused(
        "out --out x.h5 --layer b*",
        "layer 'b*' is not in 'out'; it holds a.1, a#1",
    );
    let ended = dir.featx(&["merge", "out", "--out", "x.h5", "--remove-parts"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let left = dir.names(".");
    assert!(!left.iter().any(|name| name.starts_with('x')), "{left:?}");
}
