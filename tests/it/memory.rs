//! The RAM budget: refusals, and the kernel's word on whether it was kept.

use crate::support::extraction::refusal;
use crate::support::models::models;
use crate::support::workdir::Workdir;
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
        line.contains("expected a size as 8GB, 8GiB, 500MB, or a share as 50%; found '8XB'"),
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
fn an_image_too_large_for_the_budget_stops_the_run_even_where_broken_ones_are_skipped() {
    let dir = workdir("memory/large", 2);
    dir.python("from PIL import Image\nImage.new('RGB', (8000, 8000)).save('many/z.png')");
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
    let ended = dir.featx(&[&args[..], &["--ram-budget", "300MB", "--on-error", "skip"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let expected = "image 'z.png' has 64000000 pixels, more than the RAM budget has room for; raise --ram-budget";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    assert_eq!(
        dir.featx(&[&args[..], &["--ram-budget", "1.5GB"]].concat())
            .code,
        Some(0)
    );
}
