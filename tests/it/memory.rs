//! The RAM budget: refusals, and whether it was kept, as the kernel measures it.

use crate::support::extraction::refusal;
use crate::support::models::models;
use crate::support::workdir::Workdir;
use featx::images::{ImageError, Preprocess, Preprocessor};
use std::fs;
use std::os::unix::fs::symlink;

/// A directory with the models and, in `many`, links to the photos, `count` in all.
fn workdir(name: &str, count: usize) -> Workdir {
    let dir = Workdir::new(name);
    let models = models();
    fs::create_dir(dir.path("many")).unwrap();
    let photos = fs::read_dir(models.join("photos")).unwrap();
    symlink(models, dir.path("models")).unwrap();
    let photos: Vec<_> = photos.map(|entry| entry.unwrap().path()).collect();
    for (i, photo) in photos.iter().cycle().take(count).enumerate() {
        let ending = photo.extension().unwrap().to_str().unwrap();
        symlink(photo, dir.path(&format!("many/{i:05}.{ending}"))).unwrap();
    }
    dir
}

/// The kernel's peak RSS, bytes, of a run of featx, which must succeed. Started by a small process: a new one counts the
/// pages of the one that it came from, and this one has many.
fn peak_of(dir: &Workdir, args: &str) -> u64 {
    let featx = env!("CARGO_BIN_EXE_featx");
    let code = format!(
        "import resource, subprocess\n\
         subprocess.run([{featx:?}] + {args:?}.split(), check=True, capture_output=True)\n\
         print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
    );
    dir.python(&code).trim().parse().unwrap()
}

#[test]
fn a_budget_under_the_floor_is_refused_before_anything_is_made() {
    let dir = workdir("memory/floor", 4);
    let line = refusal(
        &dir,
        "--model models/resnet_scripted.pt --layer layer1 --ram-budget 50MB many",
        1,
    );
    assert!(
        line.starts_with("--ram-budget 50.0 MB is under the floor of "),
        "{line}"
    );
    assert!(line.contains("lower"), "{line}");
}

#[test]
fn a_budget_that_is_no_size_is_wrong_usage() {
    let dir = workdir("memory/wrong", 1);
    let line = refusal(
        &dir,
        "--model models/resnet_scripted.pt --layer layer1 --ram-budget 8XB many",
        2,
    );
    assert!(
        line.contains("expected a size like 8GB, 8GiB or 500MB, or a share like 50%; found '8XB'"),
        "{line}"
    );
}

/// 3,000 rows of 65.5 kB are more than a budget of 250 MB holds: parts must be sealed on the way.
#[test]
fn a_run_of_more_than_the_budget_keeps_it() {
    let dir = workdir("memory/kept", 3000);
    let args = "extract --model models/resnet_scripted.pt --layer conv1,bn1 --ram-budget 250MB --out out many";
    let peak = peak_of(&dir, args);
    assert!(peak <= 250_000_000, "{peak}");
    assert!(dir.names("out/conv1").len() > 1);
    let journal = String::from_utf8(dir.read("out/memory.csv")).unwrap();
    let heads = "seconds,images,rss_bytes,budget_bytes,step_size,images_per_second";
    assert_eq!(journal.lines().next(), Some(heads));
    assert!(journal.lines().count() > dir.names("out/conv1").len());
}

#[test]
fn an_image_too_large_for_the_budget_says_how_much_it_takes_and_can_be_skipped() {
    let dir = workdir("memory/large", 2);
    dir.python("from PIL import Image\nImage.new('RGB', (8000, 8000)).save('many/0.png')");
    let args = [
        "extract",
        "--model",
        "models/resnet_scripted.pt",
        "--layer",
        "layer1",
        "--out",
        "out",
        "many",
    ];
    let ended = dir.featx(&[&args[..], &["--ram-budget", "190MB"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let expected = "error: image '0.png' takes 192.0 MB to decode (8000 x 8000 pixels), more than --ram-budget 190.0 MB has \
                    room for; ";
    let line = ended.stderr.lines().last().unwrap();
    assert!(line.starts_with(expected), "{line}");
    let enough = line[expected.len()..].split(' ').next().unwrap();
    assert!(
        line.ends_with(" would do; remove or repair it, or pass --on-error skip"),
        "{line}"
    );

    let ended = dir.featx(&[&args[..], &["--ram-budget", "190MB", "--on-error", "skip"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let errors = String::from_utf8(dir.read("out/errors.csv")).unwrap();
    assert!(
        errors.contains("0,0.png,\"takes 192.0 MB to decode"),
        "{errors}"
    );

    // Three bytes a pixel, not twelve: 768 MB would not fit.
    assert_eq!(enough, "400MB");
    let args = args
        .join(" ")
        .replace("--out out", &format!("--ram-budget {enough} --out whole"));
    let peak = peak_of(&dir, &args);
    assert!(peak <= 400_000_000, "{peak}");
}

/// A format takes no more memory than it asks for, as the kernel measures it.
#[test]
fn every_format_takes_what_it_asks_for() {
    let dir = workdir("memory/formats", 1);
    dir.python(
        "from PIL import Image
small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
photo = small.resize((4000, 3000), Image.BICUBIC)
for name, mode, options in [
    ('a.jpg', 'RGB', {}), ('b.jpg', 'RGB', dict(progressive=True, subsampling=0)), ('c.jpg', 'RGB', dict(progressive=True)),
    ('d.jpg', 'L', {}), ('e.jpg', 'CMYK', {}), ('f.png', 'RGB', dict(compress_level=1)), ('g.bmp', 'RGB', {}),
    ('h.tif', 'RGB', {}), ('i.tif', 'RGB', dict(compression='tiff_lzw')), ('j.tif', 'RGB', dict(tiffinfo={274: 6})),
    ('k.webp', 'RGB', dict(quality=50, method=0)), ('l.webp', 'RGB', dict(lossless=True, quality=0, method=0)),
    ('m.gif', 'L', {}),
]:
    os.mkdir(name)
    photo.convert(mode).save(name + '/' + name, **options)",
    );
    let args = "extract --model models/resnet_scripted.pt --layer fc --workers 1 --ram-budget 2GB --out out_";
    let base = peak_of(&dir, &format!("{args}many many"));
    let expected = [
        ("a.jpg", 3),
        ("b.jpg", 9),
        ("c.jpg", 6),
        ("d.jpg", 4),
        ("e.jpg", 7),
        ("f.png", 3),
        ("g.bmp", 3),
        ("h.tif", 3),
        ("i.tif", 4),
        ("j.tif", 6),
        ("k.webp", 11),
        ("l.webp", 15),
        ("m.gif", 3),
    ];
    for (name, bytes_per_pixel) in expected {
        let data = dir.read(&format!("{name}/{name}"));
        let mut preprocessor = Preprocessor::new(&Preprocess::default());
        preprocessor.set_limit(Some(0));
        let asked = match preprocessor.decode(&data) {
            Err(ImageError::AboveLimit { bytes, .. }) => bytes,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(asked, bytes_per_pixel * 4000 * 3000, "{name}");
        let peak = peak_of(&dir, &format!("{args}{name} {name}"));
        let room = base + asked + data.len() as u64 + (8 << 20);
        assert!(peak <= room, "{name}: {peak} of {room}");
    }
}
