//! Images in HDF5 files: the rows of the same images in a folder, byte for byte.

use crate::sources::{names, rows, shell};
use crate::support::extraction::{error_line, extract, extract_ok, refusal};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::process::{Command, Stdio};

const MODEL: &str = "--model models/resnet_scripted.pt --layer layer1 --batch-size 8 --workers 3";
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python");
/// `x` is 40 images of 50 × 60 pixels.
const IMAGES: &str = "import h5py, pathlib; from PIL import Image\n\
     x = np.random.default_rng(0).integers(0, 256, (40, 50, 60, 3), dtype=np.uint8)\n";

fn with_folders(name: &str) -> Workdir {
    let dir = workdir(&format!("sources/{name}"));
    dir.python(&format!(
        "{IMAGES}for folder, images in (('colour', x), ('grey', x[..., 0])):\n\
         \x20   pathlib.Path(folder).mkdir()\n\
         \x20   for i, image in enumerate(images): Image.fromarray(image).save(f'{{folder}}/{{i:02}}.png')\n"
    ));
    for folder in ["colour", "grey"] {
        extract_ok(&dir, &format!("{MODEL} {folder}"));
        std::fs::rename(dir.path("out"), dir.path(&format!("rows_{folder}"))).unwrap();
    }
    dir
}

#[test]
fn a_dataset_gives_the_rows_of_its_images() {
    let dir = with_folders("hdf5");
    dir.python(&format!(
        "{IMAGES}def write(name, data, **options):\n\
         \x20   with h5py.File('a.h5', 'a') as file: file.create_dataset(name, data=data, **options)\n\
         with h5py.File('nsd.hdf5', 'w') as file: file['imgBrick'] = x; file['about'] = np.zeros((3, 4)); file['note'] = 'text'\n\
         write('plain/hwc', x); write('chw', x.transpose(0, 3, 1, 2)); write('hw', x[..., 0])\n\
         write('gzip', x, chunks=(7, 50, 60, 3), compression='gzip', shuffle=True, fletcher32=True)\n\
         write('lzf', x, chunks=(3, 20, 30, 3), compression='lzf'); write('wide', x, chunks=(40, 50, 60, 3), maxshape=(None, 50, 60, 3))\n\
         files = [np.frombuffer(path.read_bytes(), np.uint8) for path in sorted(pathlib.Path('colour').iterdir())]\n\
         with h5py.File('a.h5', 'a') as file:\n\
         \x20   data = file.create_dataset('files', 40, h5py.vlen_dtype(np.uint8))\n\
         \x20   for i, one in enumerate(files): data[i] = one\n\
         with h5py.File('user_block.mat', 'w', userblock_size=512) as file: file['deep/in/x'] = x\n\
         packed = dict(data=x, compression='gzip')\n\
         with h5py.File('packed.mat', 'w', userblock_size=512) as file: file.create_dataset('x', chunks=(3, 50, 60, 3), **packed)\n\
         write('packed/one', chunks=(1, 50, 60, 3), **packed); write('packed/seven', chunks=(7, 50, 60, 3), shuffle=True, **packed)\n\
         write('packed/mixed', chunks=(5, 50, 60, 3), **packed); write('packed/chw', data=x.transpose(0, 3, 1, 2), compression='gzip', chunks=(9, 3, 50, 60))\n\
         with h5py.File('a.h5', 'a') as file: file['packed/mixed'].id.write_direct_chunk((5, 0, 0, 0), x[5:10].tobytes(), filter_mask=1)\n"
    ));
    for (typed, front, folder) in [
        ("nsd.hdf5", "nsd.hdf5/imgBrick", "colour"),
        ("nsd.hdf5:/imgBrick", "nsd.hdf5/imgBrick", "colour"),
        ("a.h5:/plain/hwc", "a.h5/plain/hwc", "colour"),
        ("a.h5:chw", "a.h5/chw", "colour"),
        ("a.h5:/hw", "a.h5/hw", "grey"),
        ("a.h5:/gzip", "a.h5/gzip", "colour"),
        ("a.h5:/lzf", "a.h5/lzf", "colour"),
        ("a.h5:/wide", "a.h5/wide", "colour"),
        ("a.h5:/files", "a.h5/files", "colour"),
        ("user_block.mat", "user_block.mat/deep/in/x", "colour"),
        ("packed.mat", "packed.mat/x", "colour"),
        ("a.h5:/packed/one", "a.h5/packed/one", "colour"),
        ("a.h5:/packed/seven", "a.h5/packed/seven", "colour"),
        ("a.h5:/packed/mixed", "a.h5/packed/mixed", "colour"),
        ("a.h5:/packed/chw", "a.h5/packed/chw", "colour"),
    ] {
        extract_ok(&dir, &format!("{MODEL} {typed}"));
        assert_eq!(
            rows(&dir, "out"),
            rows(&dir, &format!("rows_{folder}")),
            "{typed}"
        );
        assert_eq!(names(&dir, "out")[12], format!("{front}/12"));
        shell(&dir, "rm -r out");
    }
    // Two datasets of a file; shards; a dataset that was not named, and then is.
    extract_ok(&dir, &format!("{MODEL} a.h5:/lzf a.h5:/hw"));
    assert_eq!(names(&dir, "out")[40], "a.h5/hw/0");
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} --shard 0/2 nsd.hdf5"));
    extract_ok(&dir, &format!("{MODEL} --shard 1/2 nsd.hdf5:/imgBrick"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "rows_colour"));
}

/// (H, W, 3, N) and (H, W, N) as MATLAB's `save -v7.3` writes them; (3, W, H, N) lies as images do.
#[test]
fn images_of_matlab_are_not_taken_on_their_sides() {
    let dir = workdir("sources/hdf5_matlab");
    dir.python(&format!(
        "{IMAGES}pathlib.Path('folder').mkdir(); [Image.fromarray(y).save(f'folder/{{i:02}}.png') for i, y in enumerate(x)]\n\
         for name, data in (('colour', x.transpose(0, 3, 2, 1)), ('grey', x[..., 0].transpose(0, 2, 1)), ('upright', x)):\n\
         \x20   with h5py.File(f'{{name}}.mat', 'w', userblock_size=512) as file:\n\
         \x20       file['x'] = data; file['x'].attrs['MATLAB_class'] = np.bytes_('uint8')\n"
    ));
    extract_ok(&dir, &format!("{MODEL} folder"));
    shell(&dir, "mv out expected");
    for file in ["grey", "colour"] {
        let line = refusal(&dir, &format!("{MODEL} {file}.mat"), 1);
        assert!(
            line.contains("'s, whose axes are in the other order: its images lie on"),
            "{line}"
        );
        let command = line.split("write it again: python").nth(1).unwrap();
        shell(&dir, &format!("{PYTHON}{command}"));
        extract_ok(&dir, &format!("{MODEL} images.h5"));
        assert_eq!(
            rows(&dir, "out") == rows(&dir, "expected"),
            file == "colour"
        );
        shell(&dir, "rm -r out");
    }
    extract_ok(&dir, &format!("{MODEL} upright.mat"));
    assert_eq!(rows(&dir, "out"), rows(&dir, "expected"));
}

#[test]
fn what_is_wrong_with_an_hdf5_file_is_said() {
    let dir = workdir("sources/hdf5_refused");
    dir.python(&format!(
        "{IMAGES}import hdf5plugin\n\
         with h5py.File('a.h5', 'w') as file: file['x'] = x; file['g/y'] = x[:2]; file['floats'] = x[:2] / 2\n\
         with h5py.File('floats.h5', 'w') as file: file['floats'] = x[:2] / 2; file['names'] = ['a', 'b']\n\
         with h5py.File('none.h5', 'w') as file: file.attrs['x'] = 1\n\
         with h5py.File('blosc.h5', 'w') as file: file.create_dataset('x', data=x, **hdf5plugin.Blosc())\n\
         data = open('a.h5', 'rb').read(); open('cut.h5', 'wb').write(data[:-9])\n"
    ));
    for (file, words) in [
        (
            "a.h5:/z",
            "'a.h5' has no dataset '/z'; it has '/floats' (float64 of shape (2, 50, 60, 3)), '/g/y' (uint8 of shape (2, 50, 60, \
             3)), '/x' (uint8 of shape (40, 50, 60, 3))",
        ),
        (
            "a.h5",
            "'a.h5' has several datasets of images: '/g/y' (uint8 of shape (2, 50, 60, 3)), '/x' ",
        ),
        ("a.h5", "; name one: 'a.h5:/g/y'"),
        (
            "a.h5:/floats",
            "'/floats' of 'a.h5' is float64 of shape (2, 50, 60, 3); expected images as uint8 of shape",
        ),
        ("a.h5:/g", "'a.h5' has no dataset '/g'"),
        (
            "floats.h5",
            "'floats.h5' has no dataset of images; expected uint8 of shape",
        ),
        ("none.h5", "; it has none"),
        (
            "blosc.h5",
            "'/x' of 'blosc.h5' is compressed by filter 32001 (Blosc), which is not read; expected gzip",
        ),
        (
            "cut.h5",
            "'cut.h5' cannot be opened; is it complete, and is no other program writing to it? (see: h5ls 'cut.h5')",
        ),
    ] {
        let line = refusal(&dir, &format!("{MODEL} {file}"), 1);
        assert!(line.contains(words), "{file}: {line}");
    }
}

#[test]
fn the_command_that_writes_a_compressed_file_again_works() {
    let dir = workdir("sources/hdf5_zstd");
    dir.python(&format!(
        "{IMAGES}import hdf5plugin\n\
         with h5py.File('zstd.h5', 'w') as file: file.create_dataset('x', data=x, **hdf5plugin.Zstd())\n"
    ));
    let line = refusal(&dir, &format!("{MODEL} zstd.h5"), 1);
    let command = line.split("write it again: python").nth(1).unwrap();
    shell(&dir, &format!("{PYTHON}{command}"));
    extract_ok(&dir, &format!("{MODEL} images.h5"));
}

#[test]
fn a_file_that_another_program_writes_is_refused() {
    let dir = workdir("sources/hdf5_written");
    dir.python(&format!(
        "{IMAGES}with h5py.File('a.h5', 'w') as file: file['x'] = x\n"
    ));
    let mut writer = Command::new(PYTHON)
        .args([
            "-c",
            "import h5py; f = h5py.File('a.h5', 'r+'); print(flush=True); import sys; sys.stdin.read()",
        ])
        .current_dir(dir.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let line = refusal(&dir, &format!("{MODEL} a.h5:/x"), 1);
    assert!(
        line.contains(
            "'a.h5' cannot be opened; is it complete, and is no other program writing to it?"
        ),
        "{line}"
    );
    drop(writer.stdin.take());
    writer.wait().unwrap();
}

#[test]
fn a_damaged_chunk_is_a_broken_image() {
    let dir = workdir("sources/hdf5_damaged");
    dir.python(&format!(
        "{IMAGES}with h5py.File('a.h5', 'w') as file:\n\
         \x20   file.create_dataset('x', data=x, chunks=(10, 50, 60, 3), compression='gzip')\n\
         \x20   chunk = file['x'].id.get_chunk_info(2)\n\
         data = bytearray(open('a.h5', 'rb').read()); at = chunk.byte_offset\n\
         data[at:at + 100] = b'x' * 100; open('a.h5', 'wb').write(data)\n"
    ));
    let line = error_line(&extract(&dir, &format!("{MODEL} a.h5")), "damaged", 1);
    assert!(line.contains("'a.h5/x/20' cannot be read: "), "{line}");
    extract_ok(&dir, &format!("{MODEL} --on-error skip a.h5"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert_eq!(errors.matches("cannot be read").count(), 10, "{errors}");
}

/// HDF5 walks over the objects of a heap by their lengths; an object of no length would hold it for ever.
#[test]
fn a_heap_that_does_not_end_ends_in_a_line() {
    let dir = workdir("sources/hdf5_endless");
    dir.python(&format!(
        "{IMAGES}import io; files = []\n\
         for image in x[:12]: file = io.BytesIO(); Image.fromarray(image).save(file, 'jpeg'); files.append(file.getvalue())\n\
         with h5py.File('a.h5', 'w') as file:\n\
         \x20   rows = file.create_dataset('files', 12, h5py.vlen_dtype(np.uint8))\n\
         \x20   for i, file in enumerate(files): rows[i] = np.frombuffer(file, np.uint8)\n\
         data = bytearray(open('a.h5', 'rb').read()); at = data.index(files[1]) - 16 # its number, references, length\n\
         data[at:at + 16] = bytes(16); open('a.h5', 'wb').write(data)\n"
    ));
    assert_eq!(
        refusal(&dir, &format!("{MODEL} a.h5"), 1),
        "'a.h5' is damaged: reading it never ends; make or download it again"
    );
}
