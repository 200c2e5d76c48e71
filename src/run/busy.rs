//! What bounded a run: how long the threads of each stage were busy.
//!
//! `stages.csv`, or a shard's `stages_0003.csv`, has a line for each process that wrote rows, even if a signal or an error
//! stopped it, but not if it was killed.

use crate::rows::part::names_in;
use crate::run::log::Log;
use crate::text::figures::percent;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

/// What threads are busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Read,
    Decode,
    Forward,
    Write,
}

pub const STAGES: [Stage; 4] = [Stage::Read, Stage::Decode, Stage::Forward, Stage::Write];

/// Seconds; threads of one kind are added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    pub images: u64,
    /// From the first image to the last row on disk.
    pub seconds: f64,
    /// Seconds for which decoder threads, and models side by side, existed.
    pub decoder_seconds: f64,
    pub model_seconds: f64,
    /// Seconds for which each stage was busy.
    pub read: f64,
    pub decode: f64,
    pub forward: f64,
    pub write: f64,
}

impl Busy {
    /// Sums the lines of all shards, as if one process had done their work. `None` if there is no line.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read_all(directory: &Path) -> Result<Option<Self>> {
        let mut sum = Self::default();
        let names = names_in(directory)?;
        for name in names.iter().filter(|name| Log::Stages.is(name)) {
            let path = directory.join(name);
            let mut reader = csv::ReaderBuilder::new()
                .flexible(true)
                .from_path(&path)
                .with_context(|| format!("cannot read '{}'", path.display()))?;
            // A line that a power cut left half written is no line, nor is one that is damaged.
            let lines = reader.deserialize::<Self>().flatten();
            lines.filter(Self::is_sound).for_each(|line| sum.add(&line));
        }
        Ok((sum.seconds > 0.0).then_some(sum))
    }

    /// False if the line is damaged.
    fn is_sound(&self) -> bool {
        let stages = STAGES.map(|stage| self.of(stage));
        [self.seconds, self.decoder_seconds, self.model_seconds]
            .into_iter()
            .chain(stages)
            .all(|seconds| Duration::try_from_secs_f64(seconds).is_ok())
    }

    fn add(&mut self, other: &Self) {
        self.images = self.images.saturating_add(other.images);
        self.seconds += other.seconds;
        self.decoder_seconds += other.decoder_seconds;
        self.model_seconds += other.model_seconds;
        self.read += other.read;
        self.decode += other.decode;
        self.forward += other.forward;
        self.write += other.write;
    }

    /// Adds a line to a file, which is made if it is missing.
    ///
    /// # Errors
    /// A disk that fails or is full.
    pub fn append(&self, path: &Path) -> Result<()> {
        let named = || format!("cannot write '{}'", path.display());
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(named)?;
        let is_new = file.metadata().with_context(named)?.len() == 0;
        let mut writer = csv::WriterBuilder::new()
            .has_headers(is_new)
            .from_writer(file);
        writer.serialize(self).with_context(named)?;
        writer.flush().with_context(named)
    }

    pub fn of(&self, stage: Stage) -> f64 {
        match stage {
            Stage::Read => self.read,
            Stage::Decode => self.decode,
            Stage::Forward => self.forward,
            Stage::Write => self.write,
        }
    }

    /// The share of their time that the threads of a stage were busy with it.
    #[must_use]
    pub fn share(&self, stage: Stage) -> f64 {
        let there = match stage {
            Stage::Read | Stage::Decode => self.decoder_seconds,
            Stage::Forward => self.model_seconds,
            Stage::Write => self.seconds,
        };
        self.of(stage) / there.max(f64::MIN_POSITIVE)
    }

    /// The stage whose threads were busy for the largest share of the time.
    #[must_use]
    pub fn bound(&self) -> Stage {
        let busiest = STAGES
            .into_iter()
            .max_by(|a, b| self.share(*a).total_cmp(&self.share(*b)));
        busiest.unwrap_or(Stage::Forward)
    }

    /// `bound by: forward pass (decoders idle 71 %)`
    #[must_use]
    pub fn words(&self) -> String {
        let decoding = self.share(Stage::Read) + self.share(Stage::Decode);
        let decoders = percent((1.0 - decoding).max(0.0));
        let model = percent((1.0 - self.share(Stage::Forward)).max(0.0));
        match self.bound() {
            Stage::Read => format!("bound by: reading images (model idle {model})"),
            Stage::Decode => format!("bound by: decoding images (model idle {model})"),
            Stage::Forward => format!("bound by: forward pass (decoders idle {decoders})"),
            Stage::Write => {
                format!("bound by: writing rows (decoders idle {decoders}, model idle {model})")
            }
        }
    }

    /// What would make such a run faster, on the `device` of its `run.toml`.
    #[must_use]
    pub fn advice(&self, device: Option<&str>) -> &'static str {
        let on_gpu = device.is_some_and(|device| device.contains("cuda"));
        match self.bound() {
            Stage::Read => {
                "Put the images on a local disk, or pack them into tar shards, which are read sequentially; on a slow \
                 disk more --workers overlap the waiting."
            }
            Stage::Decode => {
                "Give it more cores (--workers), or store the images closer to the model's input size."
            }
            Stage::Forward if on_gpu => {
                "Give it a larger --batch-size, --precision bf16 or f16, or several GPUs (--device cuda:0,cuda:1)."
            }
            Stage::Forward => {
                "Give it a GPU (--device cuda), more cores, or more shards; --precision bf16 where the CPU supports it."
            }
            Stage::Write => {
                "Write fewer bytes (--dtype f16, --pool, --project), or to a faster disk."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_threads_bound_the_run() {
        let mut busy = Busy {
            images: 100,
            seconds: 10.0,
            decoder_seconds: 20.0,
            model_seconds: 10.0,
            read: 1.0,
            decode: 5.0,
            forward: 8.0,
            write: 2.0,
        };
        assert_eq!(busy.words(), "bound by: forward pass (decoders idle 70 %)");
        // Two models have each half as much to do; one decoder more.
        let two = Busy {
            decoder_seconds: 10.0,
            model_seconds: 20.0,
            ..busy
        };
        assert_eq!(two.words(), "bound by: decoding images (model idle 60 %)");
        busy.write = 10.0;
        let words = "bound by: writing rows (decoders idle 70 %, model idle 20 %)";
        assert_eq!(busy.words(), words);
    }

    #[test]
    fn lines_of_shards_add_up() {
        let dir = std::env::temp_dir().join(format!("featx-busy-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(Busy::read_all(&dir).unwrap(), None);
        let busy = Busy {
            images: 7,
            seconds: 2.5,
            read: 0.5,
            ..Busy::default()
        };
        busy.append(&dir.join("stages_0000.csv")).unwrap();
        busy.append(&dir.join("stages_0000.csv")).unwrap();
        busy.append(&dir.join("stages_0001.csv")).unwrap();
        let sum = Busy::read_all(&dir).unwrap().unwrap();
        assert_eq!((sum.images, sum.seconds, sum.read), (21, 7.5, 1.5));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_run_on_a_gpu_is_not_told_to_take_one() {
        let mut busy = Busy {
            seconds: 1.0,
            decoder_seconds: 1.0,
            model_seconds: 1.0,
            forward: 1.0,
            ..Busy::default()
        };
        for device in [None, Some("cpu")] {
            assert!(busy.advice(device).starts_with("Give it a GPU "));
        }
        for device in ["cuda:0", "cuda:0,cuda:1", "cpu,cuda:0"] {
            let advice = busy.advice(Some(device));
            assert!(advice.starts_with("Give it a larger --batch-size, "));
        }
        busy.write = 2.0;
        assert_eq!(busy.advice(None), busy.advice(Some("cuda:0")));
    }

    #[test]
    fn damaged_lines_are_no_lines() {
        let dir = std::env::temp_dir().join(format!("featx-busy-damaged-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("stages.csv");
        let sound = Busy {
            images: u64::MAX,
            seconds: 2.5,
            read: 0.5,
            ..Busy::default()
        };
        for seconds in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            Busy { seconds, ..sound }.append(&file).unwrap();
            let decode = seconds;
            Busy { decode, ..sound }.append(&file).unwrap();
        }
        assert_eq!(Busy::read_all(&dir).unwrap(), None);
        let damaged = std::fs::read_to_string(&file).unwrap() + "7,2.5,0,0,x,0,0,0\n7,2.5\n";
        std::fs::write(&file, damaged).unwrap();
        for _ in 0..2 {
            sound.append(&file).unwrap();
        }
        let sum = Busy::read_all(&dir).unwrap().unwrap();
        assert_eq!((sum.images, sum.seconds, sum.read), (u64::MAX, 5.0, 1.0));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
