//! Programs changed at random: whatever a `.pt2` says, featx ends with an answer or an error. Not run by itself:
//!
//! ```sh
//! (ulimit -v 16000000; FEATX_FUZZ_SECONDS=600 cargo test --test it fuzz_of_programs -- --ignored > /dev/null)
//! ```
//!
//! The case at hand lies in `target/tmp/pt2_fuzz/case.pt2`, for a crash to be repeated with `featx inspect`.

use crate::support::models::programs;
use crate::support::workdir::Workdir;
use featx::cli::Inspect;
use featx::commands::inspect;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const SEEDS: [&str; 7] = [
    "regions",
    "in_place",
    "pairs",
    "shared",
    "vit_fixed",
    "dtypes",
    "refused/cond",
];

#[test]
#[ignore = "takes minutes"]
fn fuzz_of_programs() {
    let seconds = std::env::var("FEATX_FUZZ_SECONDS").map_or(60, |text| text.parse().unwrap());
    let dir = Workdir::new("pt2_fuzz");
    let seeds = SEEDS.map(|name| Records::read(&programs().join(format!("{name}.pt2"))));
    let toml = programs().join("pairs.toml");
    fs::copy(toml, dir.path("case.toml")).unwrap();
    let mut random = Random(1);
    let (began, mut cases, mut answered) = (Instant::now(), 0, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let mut records = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            records.change(&mut random);
        }
        let case = dir.path("case.pt2");
        records.write(&case);
        let typed = Inspect {
            path: case,
            json: true,
            max_array_size: 1001,
            quiet: true,
        };
        answered += usize::from(inspect::run(&typed).is_ok());
        cases += 1;
    }
    eprintln!("{cases} programs, {answered} of which were taken");
    assert!(cases > 100);
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

/// Something in it, at random: another number, a word from elsewhere, an item less or twice, two items exchanged.
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
