//! Images in tar archives and arrays: the rows of the same images in a folder, byte for byte.

use crate::support::extraction::{error_line, extract, extract_ok, refusal};
use crate::support::models::workdir;
use crate::support::workdir::Workdir;
use std::process::Command;

pub const MODEL: &str = "--model models/resnet_scripted.pt --layer layer1 --batch-size 2";

/// All parts of the layer, without their headers, in order.
pub fn rows(dir: &Workdir, out: &str) -> Vec<u8> {
    let folder = format!("{out}/layer1");
    let part = |name: &String| dir.read(&format!("{folder}/{name}"));
    let bytes = dir.names(&folder).iter().map(part).collect::<Vec<_>>();
    let header = |part: &[u8]| 10 + usize::from(u16::from_le_bytes([part[8], part[9]]));
    bytes
        .iter()
        .flat_map(|part| part[header(part)..].to_vec())
        .collect()
}

pub fn names(dir: &Workdir, out: &str) -> Vec<String> {
    let text = String::from_utf8(dir.read(&format!("{out}/file_names.txt"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A directory with the run of the photos in a folder as `folder`.
pub fn with_folder_run(name: &str) -> Workdir {
    let dir = workdir(&format!("sources/{name}"));
    extract_ok(&dir, &format!("{MODEL} photos"));
    std::fs::rename(dir.path("out"), dir.path("folder")).unwrap();
    dir
}

pub fn shell(dir: &Workdir, script: &str) {
    let ended = Command::new("sh")
        .args(["-ec", script])
        .current_dir(dir.path(""))
        .status();
    assert!(ended.unwrap().success(), "{script}");
}

#[test]
fn a_tar_archive_gives_the_rows_of_its_folder() {
    let dir = with_folder_run("tar");
    // As GNU tar, PAX and the oldest write it; long names and a text file among them.
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; echo text > deep/notes.txt; cd deep; \
        tar --format=gnu --sort=name -cf ../gnu.tar .; tar --format=pax --sort=name -cf ../pax.tar *; \
        tar --format=v7 --sort=name -cf ../v7.tar *",
    );
    for archive in ["gnu", "pax", "v7"] {
        let said = extract_ok(&dir, &format!("{MODEL} {archive}.tar"));
        assert!(
            said.contains(&format!("1 other file left out: '{archive}.tar/")),
            "{said}"
        );
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"), "{archive}");
        let expected: Vec<_> = names(&dir, "folder")
            .iter()
            .map(|n| format!("{archive}.tar/{n}"))
            .collect();
        assert_eq!(names(&dir, "out"), expected);
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
}

#[test]
fn webdataset_shards_come_in_order_by_braces_globs_and_the_shell() {
    let dir = with_folder_run("shards");
    // Names that are too long for plain headers.
    dir.python(
        "import pathlib, webdataset; photos = sorted(pathlib.Path('photos').iterdir()); pathlib.Path('wds').mkdir()\n\
         with webdataset.ShardWriter('wds/%05d.tar', maxcount=2, verbose=0) as shards:\n\
         \x20   for key, photo in enumerate(photos):\n\
         \x20       row = {'__key__': 'x' * 120 + f'{key:09}', photo.suffix[1:]: photo.read_bytes(), 'json': {'key': key}}\n\
         \x20       shards.write(row)\n",
    );
    for (i, images) in [
        "wds/{00000..00001}.tar",
        "wds/*.tar",
        "wds/00000.tar wds/00001.tar",
    ]
    .iter()
    .enumerate()
    {
        let said = extract_ok(&dir, &format!("{MODEL} {images}"));
        assert!(said.contains("4 other files left out"), "{said}");
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"), "{images}");
        std::fs::rename(dir.path("out"), dir.path(&format!("out{i}"))).unwrap();
    }
    // A list of their rows, in another order.
    let mut reversed = names(&dir, "out0");
    reversed.reverse();
    dir.write("list.txt", reversed.join("\n"));
    extract_ok(&dir, &format!("{MODEL} --list list.txt wds/*.tar"));
    assert_eq!(names(&dir, "out"), reversed);
    let (found, whole) = (rows(&dir, "out"), rows(&dir, "folder"));
    let row = whole.len() / 4;
    for i in 0..4 {
        assert_eq!(found[i * row..][..row], whole[(3 - i) * row..][..row]);
    }
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    // Shards of the run, and one that is lost and computed again.
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} wds/*.tar"));
    }
    assert_eq!(rows(&dir, "out"), whole);
    let lost = dir.names("out/layer1").remove(1);
    std::fs::remove_file(dir.path("out/layer1").join(lost)).unwrap();
    extract_ok(&dir, &format!("{MODEL} --shard 1/2 wds/*.tar"));
    assert_eq!(rows(&dir, "out"), whole);
}

#[test]
fn arrays_of_pixels_are_preprocessed_as_images_are() {
    let dir = workdir("sources/arrays");
    dir.python(
        "import numpy, pathlib; from PIL import Image\n\
         x = numpy.random.default_rng(0).integers(0, 256, (4, 90, 120, 3), dtype=numpy.uint8)\n\
         for folder, images in (('colour', x), ('grey', x[..., 0])):\n\
         \x20   pathlib.Path(folder).mkdir()\n\
         \x20   for i, image in enumerate(images): Image.fromarray(image).save(f'{folder}/{i}.png')\n\
         numpy.save('hwc.npy', x); numpy.save('chw.npy', x.transpose(0, 3, 1, 2).copy()); numpy.save('hw.npy', x[..., 0])\n\
         numpy.save('floats.npy', x.astype(numpy.float64))\n",
    );
    for (array, folder) in [
        ("hwc.npy", "colour"),
        ("chw.npy", "colour"),
        ("hw.npy", "grey"),
    ] {
        extract_ok(&dir, &format!("{MODEL} {folder}"));
        std::fs::rename(dir.path("out"), dir.path("folder")).unwrap();
        extract_ok(&dir, &format!("{MODEL} {array}"));
        assert_eq!(rows(&dir, "out"), rows(&dir, "folder"), "{array}");
        assert_eq!(names(&dir, "out")[3], format!("{array}/3"));
        shell(&dir, "rm -r out folder");
    }
    let line = error_line(&extract(&dir, &format!("{MODEL} floats.npy")), "floats", 1);
    assert!(
        line.contains("'floats.npy' holds <f8 of shape [4, 90, 120, 3]; expected images as uint8"),
        "{line}"
    );
}

/// What the model is given is what PyTorch's preprocessing makes of the photos; one of them is not a number.
#[test]
fn arrays_of_float32_go_to_the_model_as_they_are() {
    let dir = with_folder_run("values");
    let crop: usize = 64;
    dir.python(&format!(
        "import pathlib, torch; from PIL import Image; from torchvision import transforms as t\n\
         make = t.Compose([t.Resize(72), t.CenterCrop({crop}), t.ToTensor(), \
         t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])\n\
         x = torch.stack([make(Image.open(p).convert('RGB')) for p in sorted(pathlib.Path('photos').iterdir())]).numpy()\n\
         np.save('x.npy', x); np.save('hwc.npy', x.transpose(0, 2, 3, 1).copy()); np.save('small.npy', x[..., :32, :32])\n\
         np.save('flat.npy', x[..., :32, :]); y = x.copy(); y[1] = np.nan; np.save('nan.npy', y)\n\
         np.save('pixels.npy', np.zeros((2, 50, 60, 3), np.uint8))\n"
    ));
    let said = extract_ok(&dir, &format!("{MODEL} x.npy"));
    assert!(
        said.contains("preprocessing: none, float32 arrays go to the model as they are"),
        "{said}"
    );
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    shell(&dir, "rm -r out");
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} x.npy"));
    }
    assert_eq!(rows(&dir, "out"), rows(&dir, "folder"));
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} nan.npy"));
    let (found, whole) = (rows(&dir, "out"), rows(&dir, "folder"));
    let row = whole.len() / 4;
    assert!(found[..row] == whole[..row] && found[row..][..row] != whole[row..][..row]);
    assert_eq!(found[2 * row..], whole[2 * row..]);
    shell(&dir, "rm -r out");
    for (images, words) in [
        (
            "hwc.npy",
            "'hwc.npy' holds <f4 of shape [4, 64, 64, 3]; expected images as uint8 in C order",
        ),
        (
            "small.npy",
            "'small.npy' holds arrays of 3 x 32 x 32, which go to the model as they are; expected 3 x 64 x 64; where the model \
             takes them, pass --crop 32",
        ),
        (
            "flat.npy",
            "arrays of 3 x 32 x 64, which go to the model as they are; expected 3 x 64 x 64",
        ),
        (
            "x.npy pixels.npy",
            "'pixels.npy' holds images, and another source float32 arrays",
        ),
        (
            "photos x.npy",
            "'photos' holds images, and another source float32 arrays",
        ),
    ] {
        let line = refusal(&dir, &format!("{MODEL} {images}"), 1);
        assert!(line.contains(words), "{images}: {line}");
    }
}

#[test]
fn what_is_wrong_with_an_archive_is_said_before_anything_is_written() {
    let dir = workdir("sources/refused");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; cd deep; tar -cf ../whole.tar *; gzip -k ../whole.tar; \
        head -c 60000 ../whole.tar > ../cut.tar; cp ../whole.tar ../twice.tar; tar -rf ../twice.tar lamp.png; \
        tar -cPf ../out.tar ../deep/lamp.png --transform 's,^,../../,'; head -c 9000 /dev/urandom > ../random.tar; \
        truncate -s 1M hole.png; tar --sparse -cf ../sparse.tar hole.png; rm hole.png; mkdir ../empty; \
        tar -cf ../none.tar -C .. empty",
    );
    // A checksum that holds line breaks, which the library quotes.
    dir.python(
        "import tarfile; data = bytearray(open('whole.tar', 'rb').read())\n\
         at = tarfile.open('whole.tar').getmembers()[1].offset + 148\n\
         data[at:at + 8] = b'\\xff\\n \\r\\xff\\nAo'; open('garbled.tar', 'wb').write(data)\n",
    );
    for (archive, words) in [
        (
            "whole.tar.gz",
            "is compressed, and images cannot be read where they lie in it; decompress it: gunzip -k 'whole.tar.gz'",
        ),
        ("cut.tar", "'cut.tar' is truncated"),
        (
            "garbled.tar",
            "'garbled.tar' is damaged; its last whole member is",
        ),
        ("twice.tar", "holds two members named 'lamp.png'"),
        ("out.tar", "leads out of it"),
        ("sparse.tar", "is a sparse file"),
        (
            "random.tar",
            "'random.tar' is not a folder, and no image, tar",
        ),
        ("none.tar", "no image in 'none.tar'"),
        (
            "missing{0..1}.tar",
            "there is no 'missing0.tar', which 'missing{0..1}.tar' names",
        ),
        (
            "whole.tar deep/../whole.tar",
            "would give rows the same names, 'whole.tar/…'",
        ),
    ] {
        let ended = extract(&dir, &format!("{MODEL} {archive}"));
        let line = error_line(&ended, archive, 1);
        assert!(line.contains(words), "{archive}: {line}");
        assert!(!dir.path("out").exists(), "{archive}");
    }
}

#[test]
fn a_broken_member_is_a_nan_row_and_a_shard_that_vanishes_the_machines_fault() {
    let dir = workdir("sources/broken");
    shell(
        &dir,
        "mkdir deep; cp -L photos/* deep; head -c 200 deep/lamp.png > deep/m.png; tar -C deep -cf a.tar .",
    );
    let ended = extract(&dir, &format!("{MODEL} a.tar"));
    let line = error_line(&ended, "broken", 1);
    assert!(line.contains("'a.tar/m.png'"), "{line}");
    extract_ok(&dir, &format!("{MODEL} --on-error skip a.tar"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert!(errors.contains("a.tar/m.png"), "{errors}");
}

#[test]
fn image_files_may_be_named_themselves() {
    let dir = with_folder_run("single");
    let (folder, whole) = (names(&dir, "folder"), rows(&dir, "folder"));
    let row = whole.len() / folder.len();
    let last = &folder[3];
    // Two, for a batch of one is computed in another way.
    extract_ok(&dir, &format!("{MODEL} photos/{last} photos/{}", folder[2]));
    assert_eq!(names(&dir, "out"), [last.as_str(), &folder[2]]);
    assert!(rows(&dir, "out") == [&whole[3 * row..], &whole[2 * row..3 * row]].concat());
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} photos/{last}"));
    assert_eq!(names(&dir, "out"), [last.as_str()]);
    shell(&dir, "rm -r out; tar -C photos -hcf a.tar .");
    // As the shell expands photos/*, and together with an archive.
    let all: Vec<_> = folder.iter().map(|n| format!("photos/{n}")).collect();
    for shard in ["0/2", "1/2"] {
        extract_ok(&dir, &format!("{MODEL} --shard {shard} {}", all.join(" ")));
    }
    assert_eq!(names(&dir, "out"), folder);
    assert!(rows(&dir, "out") == whole);
    let reversed: Vec<_> = folder.iter().rev().map(String::as_str).collect();
    dir.write("list.txt", reversed.join("\n"));
    shell(&dir, "rm -r out");
    extract_ok(&dir, &format!("{MODEL} --list list.txt photos/* a.tar"));
    assert_eq!(names(&dir, "out"), reversed);
    assert!(rows(&dir, "out")[..row] == whole[3 * row..]);
    // One that is broken, and two of one name.
    shell(
        &dir,
        &format!("rm -r out; echo text > no.jpg; cp photos/{last} ."),
    );
    extract_ok(&dir, &format!("{MODEL} --on-error skip no.jpg a.tar"));
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert!(errors.contains("0,no.jpg,"), "{errors}");
    shell(&dir, "rm -r out");
    let line = refusal(&dir, &format!("{MODEL} {last} photos/{last}"), 1);
    let words = format!("would give rows the same names, '{last}'");
    assert!(line.contains(&words), "{line}");
    shell(&dir, &format!("cp {last} \"$(printf 'a\\nb.png')\""));
    let line = refusal(&dir, &format!("{MODEL} a*b.png photos"), 1);
    assert!(
        line.contains("the name of 'a\\nb.png' holds a line break"),
        "{line}"
    );
}
