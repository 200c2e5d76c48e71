//! The options of `featx extract`, as typed or as keys of a `--config` file.

use crate::images::Interpolation;
use crate::memory::RamBudget;
use crate::model::{DeviceChoice, Pool};
use crate::text::figures;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Extract {
    /// Folders of images, searched recursively, and tar archives ('shards/{00000..00099}.tar'), in the order of the rows
    /// [default: images]
    #[serde(deserialize_with = "one_or_many_paths")]
    pub images: Vec<PathBuf>,

    /// A TorchScript file, or the name of a model whose NAME.pt is in $FEATX_MODELS or models/
    #[arg(long, value_name = "NAME|FILE.pt")]
    pub model: Option<String>,

    /// Dotted module name or glob ('features.*', '*'); NAME#1, NAME#key: another tensor of a layer that gives several; .: the
    /// model's own output; repeatable, or comma-separated
    #[arg(long, value_name = "NAME|GLOB")]
    #[serde(deserialize_with = "one_or_many")]
    pub layer: Vec<String>,

    /// Run directory, created if absent
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// auto, cpu, cuda, cuda:1, cuda:0,cuda:1 or cuda:all; auto is CUDA when a GPU answers, else the CPU [default: auto]
    #[arg(long, value_name = "DEVICE")]
    #[serde(deserialize_with = "from_device")]
    pub device: Option<DeviceChoice>,

    /// RAM that the run may use: 8GB, 8GiB, 50% (of what the job may use) [default: the smaller of 8 GB and 80 % of what
    /// the job may use]
    #[arg(long, value_name = "SIZE")]
    #[serde(deserialize_with = "from_text")]
    pub ram_budget: Option<RamBudget>,

    /// No part takes longer than this to fill: 5m, 300s [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = figures::parse_duration)]
    #[serde(deserialize_with = "from_duration")]
    pub checkpoint: Option<Duration>,

    /// Images per forward pass, or auto [default: auto]
    #[arg(long, value_name = "N|auto")]
    pub batch_size: Option<Auto>,

    /// Batches per part file, or auto [default: auto]
    #[arg(long, value_name = "N|auto")]
    pub step_size: Option<Auto>,

    /// What the model computes in [default: f32]
    #[arg(long)]
    pub precision: Option<PrecisionArg>,

    /// On a GPU, let f32 be computed in TF32: faster, 10 bits of mantissa instead of 23
    #[arg(long)]
    pub tf32: bool,

    /// What is stored [default: f32]
    #[arg(long)]
    pub dtype: Option<StoredType>,

    /// Store each row as a vector
    #[arg(long)]
    pub flatten: bool,

    /// Of a (tokens, dim) activation keep the class token, the mean of the patches, both, the patches, or the registers
    /// ([tokens] prefix in the model's TOML says how many tokens come before the patches)
    #[arg(long)]
    pub tokens: Option<TokensArg>,

    /// Resume a run, or divide it into shards, although its rows depend on chance or on their batch
    #[arg(long)]
    pub allow_varying: bool,
    /// Pool each channel of a (channels, height, width) activation to one number, or to N × N
    #[arg(long, value_name = "avg|max|avg:N|max:N")]
    #[serde(deserialize_with = "from_pool")]
    pub pool: Option<Pool>,

    /// Store N numbers of each row: the flattened row, after --pool, times a sparse random matrix; rows of at most N
    /// numbers stay as they are
    #[arg(long, value_name = "N")]
    pub project: Option<u64>,

    /// Of the matrix of --project; another seed, another matrix [default: 0]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,

    /// Image paths, one a line, relative to IMAGES: which images, and their order [default: all, sorted]
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,

    /// What an image that cannot be read does: stop the run, or become a NaN row and a line in errors.csv [default: stop]
    #[arg(long)]
    pub on_error: Option<OnError>,

    /// An image that takes longer to read and decode is a broken one: 5m, 300s [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = figures::parse_duration)]
    #[serde(deserialize_with = "from_duration")]
    pub image_timeout: Option<Duration>,

    /// Do the I-th (from 0) of N contiguous slices of the rows; all shards share one run directory [default: from Slurm's
    /// SLURM_ARRAY_TASK_ID, or SLURM_PROCID and SLURM_NTASKS under srun; else 0/1]
    #[arg(long, value_name = "I/N")]
    #[serde(deserialize_with = "from_shard")]
    pub shard: Option<ShardArg>,

    /// Do the whole run, whatever Slurm's variables say
    #[arg(long, conflicts_with = "shard")]
    pub no_shard: bool,

    /// Decoder threads [default: the cores this process may use]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,

    /// Threads of one forward pass [default: the cores this process may use, which the passes of a long run share]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Shorter side after resizing, pixels [default: from the model's TOML]
    #[arg(long, value_name = "PIXELS", help_heading = "Preprocessing")]
    pub resize: Option<usize>,

    /// Side of the centre crop, pixels [default: from the model's TOML]
    #[arg(long, value_name = "PIXELS", help_heading = "Preprocessing")]
    pub crop: Option<usize>,

    /// [default: from the model's TOML]
    #[arg(long, help_heading = "Preprocessing")]
    pub interpolation: Option<Interpolation>,

    /// Subtracted from R, G, B (between 0 and 1) [default: from the model's TOML]
    #[arg(
        long,
        value_name = "R,G,B",
        value_delimiter = ',',
        help_heading = "Preprocessing"
    )]
    pub mean: Option<Vec<f64>>,

    /// What R, G, B are then divided by [default: from the model's TOML]
    #[arg(
        long,
        value_name = "R,G,B",
        value_delimiter = ',',
        help_heading = "Preprocessing"
    )]
    pub std: Option<Vec<f64>>,

    /// TOML file with any of these options as keys; the command line wins
    #[arg(long, value_name = "FILE.toml")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Start over: remove the run that the run directory holds [default: go on with it]
    #[arg(long)]
    pub overwrite: bool,

    /// Print the plan and stop
    #[arg(long)]
    pub dry_run: bool,

    /// Print the closing summary as one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// No progress
    #[arg(long)]
    pub quiet: bool,
}

impl Extract {
    /// What is typed wins; what is not is taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            images: if self.images.is_empty() {
                other.images
            } else {
                self.images
            },
            model: self.model.or(other.model),
            layer: if self.layer.is_empty() {
                other.layer
            } else {
                self.layer
            },
            out: self.out.or(other.out),
            device: self.device.or(other.device),
            precision: self.precision.or(other.precision),
            tf32: self.tf32 || other.tf32,
            ram_budget: self.ram_budget.or(other.ram_budget),
            checkpoint: self.checkpoint.or(other.checkpoint),
            batch_size: self.batch_size.or(other.batch_size),
            step_size: self.step_size.or(other.step_size),
            dtype: self.dtype.or(other.dtype),
            flatten: self.flatten || other.flatten,
            tokens: self.tokens.or(other.tokens),
            allow_varying: self.allow_varying || other.allow_varying,
            pool: self.pool.or(other.pool),
            project: self.project.or(other.project),
            seed: self.seed.or(other.seed),
            list: self.list.or(other.list),
            on_error: self.on_error.or(other.on_error),
            image_timeout: self.image_timeout.or(other.image_timeout),
            // Of the two, what is typed wins.
            no_shard: self.no_shard || (other.no_shard && self.shard.is_none()),
            shard: self.shard.or(other.shard.filter(|_| !self.no_shard)),
            workers: self.workers.or(other.workers),
            threads: self.threads.or(other.threads),
            resize: self.resize.or(other.resize),
            crop: self.crop.or(other.crop),
            interpolation: self.interpolation.or(other.interpolation),
            mean: self.mean.or(other.mean),
            std: self.std.or(other.std),
            config: self.config,
            overwrite: self.overwrite || other.overwrite,
            dry_run: self.dry_run || other.dry_run,
            json: self.json || other.json,
            quiet: self.quiet || other.quiet,
        }
    }
}

/// As good as any larger number of images or batches; products of two of them do not overflow.
const PLENTY: usize = 1 << 30;

/// A number that featx finds by itself unless it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto {
    Auto,
    Fixed(usize),
}

impl Auto {
    #[must_use]
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Fixed(n) => Some(n),
        }
    }
}

impl FromStr for Auto {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<usize>()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(n)) if n > 0 => Ok(Self::Fixed(n.min(PLENTY))),
            _ => Err("expected a number of at least 1, or auto".into()),
        }
    }
}

/// `I/N`: the I-th of N shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardArg {
    /// From 0.
    pub index: u64,
    pub count: u64,
}

impl FromStr for ShardArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected I/N, as 3/64, with I from 0 to N - 1; found '{text}'");
        let (index, count) = text.split_once('/').ok_or_else(expected)?;
        let (index, count) = (index.trim().parse(), count.trim().parse());
        match (index, count) {
            (Ok(index), Ok(count)) if index < count && count <= MOST_SHARDS => {
                Ok(Self { index, count })
            }
            (Ok(_), Ok(count)) if count > MOST_SHARDS => Err(format!(
                "expected at most {MOST_SHARDS} shards, found {count}"
            )),
            _ => Err(expected()),
        }
    }
}

/// More than any cluster runs; each has a file while it runs.
const MOST_SHARDS: u64 = 1_000_000;

/// A number or a text of a TOML file, as the text that the command line would have.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of at least 0, or a text")]
enum Typed {
    Number(u64),
    Text(String),
}

impl Typed {
    fn text(self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Auto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = Typed::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("expected a number of at least 1, or auto"))?;
        typed.text().parse().map_err(serde::de::Error::custom)
    }
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RamBudget>, D::Error> {
    Typed::deserialize(deserializer)?
        .text()
        .parse()
        .map(Some)
        .map_err(serde::de::Error::custom)
}

fn from_device<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DeviceChoice>, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map(Some)
        .map_err(serde::de::Error::custom)
}

fn from_pool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn from_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Typed::deserialize(deserializer)?.text();
    figures::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

fn from_shard<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ShardArg>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionArg {
    F32,
    Bf16,
    F16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredType {
    F32,
    F16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
pub enum TokensArg {
    #[serde(rename = "cls")]
    Cls,
    #[serde(rename = "mean")]
    Mean,
    #[value(name = "cls+mean")]
    #[serde(rename = "cls+mean")]
    ClsMean,
    #[serde(rename = "patches")]
    Patches,
    #[serde(rename = "registers")]
    Registers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    Stop,
    Skip,
}

fn one_or_many_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    let form = Form::deserialize(deserializer)
        .map_err(|_| serde::de::Error::custom("expected a path, or a list of paths"))?;
    Ok(match form {
        Form::One(path) => vec![path],
        Form::Many(paths) => paths,
    })
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    let form = Form::deserialize(deserializer)
        .map_err(|_| serde::de::Error::custom("expected a layer's name, or a list of names"))?;
    Ok(match form {
        Form::One(layer) => vec![layer],
        Form::Many(layers) => layers,
    })
}
