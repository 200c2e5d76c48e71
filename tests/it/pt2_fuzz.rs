//! Programs changed at random: whatever a `.pt2` says, featx ends with an answer or an error; and of a damaged file it
//! gives the right rows or none. A few seconds each; for longer:
//!
//! ```sh
//! FEATX_FUZZ_SECONDS=600 cargo test --test it pt2_fuzz
//! ```
//!
//! A case that fails lies in `target/tmp/pt2_fuzz_*/case.pt2`.

use crate::support::extraction::CRASHED;
use crate::support::models::programs;
use crate::support::workdir::{Ended, Workdir};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const SEEDS: [&str; 8] = [
    "regions",
    "regions_saved",
    "in_place",
    "pairs",
    "shared",
    "vit_fixed",
    "dtypes",
    "refused/cond",
];

#[test]
fn of_a_changed_program_there_is_an_answer_or_an_error() {
    let dir = bench("pt2_fuzz_program");
    let seeds = SEEDS.map(|name| Records::read(&programs().join(format!("{name}.pt2"))));
    for_a_while(|random| {
        let mut records = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            records.change(random);
        }
        records.write(&dir.path("case.pt2"));
        extract_case(&dir, "out")
    });
}

#[test]
fn of_a_damaged_program_there_are_the_right_rows_or_none() {
    let dir = bench("pt2_fuzz_bytes");
    let seeds = ["in_place", "regions", "regions_saved"].map(|name| {
        let bytes = fs::read(programs().join(format!("{name}.pt2"))).unwrap();
        dir.write("case.pt2", &bytes);
        assert!(extract_case(&dir, name), "{name}");
        (name, bytes)
    });
    for_a_while(|random| {
        let (name, bytes) = &seeds[random.below(seeds.len())];
        let mut bytes = bytes.clone();
        damage(&mut bytes, random);
        dir.write("case.pt2", &bytes);
        let is_taken = extract_case(&dir, "out");
        if is_taken {
            for layer in layers(&dir, "out") {
                let rows = |run| part(&dir, &format!("{run}/{layer}"));
                assert!(rows("out") == rows(name), "{layer} of {name}");
            }
        }
        is_taken
    });
}

/// With the preprocessing that all seeds have, and photos.
fn bench(name: &str) -> Workdir {
    let dir = Workdir::new(name);
    fs::copy(programs().join("pairs.toml"), dir.path("case.toml")).unwrap();
    symlink(programs().join("photos"), dir.path("photos")).unwrap();
    dir
}

/// As many cases as there is time for. `try_one` tells whether featx took the program.
fn for_a_while(mut try_one: impl FnMut(&mut Random) -> bool) {
    let asked = std::env::var("FEATX_FUZZ_SECONDS");
    let seconds = asked.map_or(3, |text| text.parse().unwrap());
    let mut random = Random(1);
    let (began, mut cases, mut taken) = (Instant::now(), 0, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        taken += usize::from(try_one(&mut random));
        cases += 1;
    }
    eprintln!("{cases} programs, {taken} of which were taken");
    assert!(cases > 0);
}

/// Every layer of `case.pt2` to `out`. Whether there is an answer; all else has to be an error in words. A program may ask
/// for any amount of memory: it gets little.
fn extract_case(dir: &Workdir, out: &str) -> bool {
    let mut command = Command::new("bash");
    let script = "ulimit -v 16000000 -t 60; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_featx"), "extract"]);
    let args =
        "--model case.pt2 --layer * --overwrite --device cpu --threads 1 --quiet photos --out";
    command.args(args.split(' ')).arg(out);
    let ended = Ended::of(command.current_dir(dir.path("")));
    if ended.code == Some(0) {
        return true;
    }
    let said = &ended.stderr;
    assert_eq!(ended.code, Some(1), "{said}");
    // Names in the file may hold line breaks.
    let is_error = said.lines().any(|line| line.starts_with("error: "));
    let has_crashed = CRASHED.iter().any(|words| said.contains(words));
    assert!(is_error && !has_crashed, "{said}");
    false
}

fn layers(dir: &Workdir, run: &str) -> Vec<String> {
    let names = dir.names(run).into_iter();
    names
        .filter(|name| dir.path(&format!("{run}/{name}")).is_dir())
        .collect()
}

/// The bytes of a layer's only part.
fn part(dir: &Workdir, folder: &str) -> Vec<u8> {
    let names = dir.names(folder);
    assert_eq!(names.len(), 1, "{folder}: {names:?}");
    dir.read(&format!("{folder}/{}", names[0]))
}

/// As disks and copies do it: flipped bits, a stretch of zeros or of another place, a missing end.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(4096)).min(bytes.len());
    match random.below(5) {
        0 => bytes[at..end].fill(0),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let to = random.below(bytes.len() - (end - at) + 1);
            bytes.copy_within(at..end, to);
        }
        _ => bytes[at] ^= 1 << random.below(8),
    }
}

/// An archive's records, by name.
#[derive(Clone)]
struct Records(Vec<(String, Vec<u8>)>);

impl Records {
    fn read(path: &Path) -> Self {
        let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        let record = |index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        };
        let count = ZipArchive::new(File::open(path).unwrap()).unwrap().len();
        let all: Vec<_> = (0..count).map(record).collect();
        Self(
            all.into_iter()
                .filter(|(name, _)| !name.contains("sample_inputs"))
                .collect(),
        )
    }

    fn write(&self, path: &Path) {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let mut archive = ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in &self.0 {
            archive.start_file(name.as_str(), stored).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
    }

    /// Mostly in the program, now and then in the lists of tensors.
    fn change(&mut self, random: &mut Random) {
        let ending = [
            "models/model.json",
            "models/model.json",
            "models/model.json",
            "weights_config.json",
            "constants_config.json",
        ][random.below(5)];
        let Some((_, bytes)) = self.0.iter_mut().find(|(name, _)| name.ends_with(ending)) else {
            return;
        };
        if random.below(50) == 0 {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        } else if let Ok(mut json) = serde_json::from_slice::<Value>(bytes) {
            change(&mut json, random);
            *bytes = serde_json::to_vec(&json).unwrap();
        }
    }
}

/// Something in it, at random: another number, a word from elsewhere, an item left out or doubled, two items exchanged.
fn change(json: &mut Value, random: &mut Random) {
    let words = words(json);
    let mut places = 0;
    visit(json, &mut |_| places += 1);
    let mut chosen = random.below(places);
    visit(json, &mut |value| {
        if chosen == 0 {
            change_here(value, &words, random);
        }
        chosen = chosen.wrapping_sub(1);
    });
}

fn change_here(value: &mut Value, words: &[String], random: &mut Random) {
    const NUMBERS: [i64; 12] = [0, 1, -1, 2, 3, 7, 12, 255, 65_536, i64::MAX, i64::MIN, -2];
    match value {
        Value::Number(_) => *value = NUMBERS[random.below(NUMBERS.len())].into(),
        Value::String(_) => *value = words[random.below(words.len())].clone().into(),
        Value::Bool(flag) => *flag = !*flag,
        Value::Null => *value = 1.into(),
        Value::Array(items) if items.is_empty() => items.push(1.into()),
        Value::Array(items) => {
            let (a, b) = (random.below(items.len()), random.below(items.len()));
            match random.below(3) {
                0 => drop(items.remove(a)),
                1 => items.insert(b, items[a].clone()),
                _ => items.swap(a, b),
            }
        }
        Value::Object(fields) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            let Some(key) = keys.get(random.below(keys.len().max(1))) else {
                return;
            };
            let inner = fields.remove(key).unwrap();
            if random.below(2) == 0 {
                fields.insert(words[random.below(words.len())].clone(), inner);
            }
        }
    }
}

/// Names, operators and keys of the program.
fn words(json: &mut Value) -> Vec<String> {
    let mut words = vec![
        "Infinity".to_owned(),
        String::new(),
        "aten::relu\0".to_owned(),
    ];
    visit(json, &mut |value| match value {
        Value::String(word) => words.push(word.clone()),
        Value::Object(fields) => words.extend(fields.keys().take(1).cloned()),
        _ => {}
    });
    words
}

fn visit(value: &mut Value, see: &mut impl FnMut(&mut Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, see)),
        Value::Object(fields) => fields.values_mut().for_each(|item| visit(item, see)),
        _ => {}
    }
}

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
