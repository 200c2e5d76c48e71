//! The options of `featx extract`, as typed or as keys of a `--config` file.

use crate::batch::Shard;
use crate::cli::choices::{DeviceChoice, FormChoice, Pool, Precision, Tokens};
use crate::cli::complete;
use crate::cli::config::{OrConfig, options};
use crate::images::{Channels, Crop, CropRounding, Interpolation, Pad, Resampler, Resize};
use crate::memory::RamBudget;
use crate::rows::row_type::RowType;
use crate::text::figures;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

options! {
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Extract {
    /// Where the images are: folders (searched recursively), image files, tar, zip, HDF5, LMDB, Parquet or .npy; globs and
    /// braces work too ('shards/{00000..00099}.tar'); rows follow in this order [default: images]
    #[serde(deserialize_with = "one_or_many_paths")]
    pub images: Vec<PathBuf>,

    /// A model file (.pt or .pt2), or a name whose NAME.pt or NAME.pt2 is in $FEATX_MODELS or models/
    #[arg(long, value_name = "NAME|FILE.pt|FILE.pt2", add = ArgValueCompleter::new(complete::models))]
    pub model: Option<String>,

    /// Dotted module name or glob ('features.*', '*'); NAME#1 or NAME#key: another tensor of a layer that gives several; a dot
    /// alone: the model's own output; repeatable, or comma-separated
    #[arg(long, value_name = "NAME|GLOB", add = ArgValueCompleter::new(complete::layers))]
    #[serde(deserialize_with = "one_or_many_layers")]
    pub layer: Vec<String>,

    /// Run directory, created if absent
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// auto, cpu, cuda, cuda:1, cuda:0,cuda:1 or cuda:all; auto is CUDA when a GPU answers, else the CPU [default: auto]
    #[arg(long, value_name = "DEVICE")]
    #[serde(deserialize_with = "from_text")]
    pub device: Option<DeviceChoice>,

    /// RAM that the run may use: 8GB, 8GiB, 50% (of what the job may use) [default: the smaller of 8 GB and 80 % of what
    /// the job may use]
    #[arg(long, value_name = "SIZE")]
    #[serde(deserialize_with = "from_typed")]
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
    pub precision: Option<Precision>,

    /// On a GPU, let f32 be computed in TF32: faster, 10 bits of mantissa instead of 23
    #[arg(long)]
    pub tf32: bool,

    /// How a long run on the CPU computes: the fastest form of the graph that proves itself, or the model as it was
    /// exported [default: auto]
    #[arg(long)]
    pub form: Option<FormChoice>,

    /// What is stored [default: f32]
    #[arg(long)]
    pub dtype: Option<RowType>,

    /// Store each row as a vector
    #[arg(long)]
    pub flatten: bool,

    /// Of a (tokens, dim) activation keep the class token, the mean of the patches, both, the patches, or the registers
    /// ([tokens] prefix in the model's TOML says how many tokens come before the patches)
    #[arg(long)]
    pub tokens: Option<Tokens>,

    /// Resume a run, or divide it into shards, even if its rows depend on chance or on their batch
    #[arg(long)]
    pub allow_varying: bool,

    /// Pool each channel of a (channels, height, width) activation to one number, or to N × N
    #[arg(long, value_name = "avg|max|avg:N|max:N")]
    #[serde(deserialize_with = "from_text")]
    pub pool: Option<Pool>,

    /// Store N numbers of each row: the flattened row, after --pool, times a sparse random matrix; rows of at most N
    /// numbers stay as they are
    #[arg(long, value_name = "N")]
    pub project: Option<u64>,

    /// Seed of the random matrix of --project [default: 0]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,

    /// File of image paths, one a line, relative to IMAGES: which images to take, in which order [default: all, sorted]
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,

    /// What to do with an image that cannot be read: stop the run, or write a NaN row and a line in errors.csv [default:
    /// stop]
    #[arg(long)]
    pub on_error: Option<OnError>,

    /// An image that takes longer than this to read and decode counts as broken: 5m, 300s [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = figures::parse_duration)]
    #[serde(deserialize_with = "from_duration")]
    pub image_timeout: Option<Duration>,

    /// Do the I-th (from 0) of N contiguous slices of the rows; all shards share one run directory [default: from the
    /// variables of Slurm (SLURM_ARRAY_TASK_ID; under srun SLURM_PROCID), PBS, LSF, Grid Engine, AWS Batch or Kubernetes;
    /// else 0/1]
    #[arg(long, value_name = "I/N")]
    #[serde(deserialize_with = "from_text")]
    pub shard: Option<Shard>,

    /// Do the whole run in this process, whatever a batch system's variables say
    #[arg(long, conflicts_with = "shard")]
    pub no_shard: bool,

    /// Decoder threads [default: the cores this process may use]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,

    /// Threads of one forward pass [default: the cores this process may use, which the passes of a long run share]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Shorter side after resizing, pixels; 480x640 for height and width, longer:640, or none [default: from the model's TOML]
    #[arg(long, value_name = "PIXELS", help_heading = "Preprocessing")]
    pub resize: Option<Resize>,

    /// Side of the centre crop, pixels; 224x192 for height and width, or none [default: from the model's TOML]
    #[arg(long, value_name = "PIXELS", help_heading = "Preprocessing")]
    pub crop: Option<Crop>,

    /// Canvas on which the resized image is centred, and its fill value: 640x640:114 [default: from the model's TOML]
    #[arg(long, value_name = "HxW:VALUE", help_heading = "Preprocessing")]
    pub pad: Option<Pad>,

    /// How half of an odd margin is rounded, where the crop starts: to even (torchvision) or down (transformers) [default: from the model's TOML]
    #[arg(long, help_heading = "Preprocessing")]
    pub crop_rounding: Option<CropRounding>,

    /// Resampling filter [default: from the model's TOML]
    #[arg(long, help_heading = "Preprocessing")]
    pub interpolation: Option<Interpolation>,

    /// Whose resizing is copied: Pillow's, PyTorch's or OpenCV's [default: from the model's TOML]
    #[arg(long, help_heading = "Preprocessing")]
    pub resampler: Option<Resampler>,

    /// Channel order that the model expects [default: from the model's TOML]
    #[arg(long, help_heading = "Preprocessing")]
    pub channels: Option<Channels>,

    /// Apply each image's EXIF orientation
    #[arg(long, help_heading = "Preprocessing")]
    pub orient: bool,

    /// Factor applied to pixels (0 to 255) first [default: from the model's TOML]
    #[arg(long, value_name = "FACTOR", help_heading = "Preprocessing")]
    pub scale: Option<f64>,

    /// Subtracted from each channel [default: from the model's TOML]
    #[arg(
        long,
        value_name = "R,G,B",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "Preprocessing"
    )]
    pub mean: Option<Vec<f64>>,

    /// What each channel is then divided by [default: from the model's TOML]
    #[arg(
        long,
        value_name = "R,G,B",
        value_delimiter = ',',
        help_heading = "Preprocessing"
    )]
    pub std: Option<Vec<f64>>,

    /// TOML file with any of these options as keys; the command line wins
    #[arg(long, value_name = "FILE.toml", add = ArgValueCompleter::new(complete::toml_files))]
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
}

impl Extract {
    /// Takes from a `--config` file what was not typed.
    #[must_use]
    pub fn with_config(self, mut config: Self) -> Self {
        // The two contradict each other: what is typed wins.
        if self.no_shard {
            config.shard = None;
        }
        if self.shard.is_some() {
            config.no_shard = false;
        }
        self.or_config(config)
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

/// A number or a text of a TOML file, as the text that the command line would have.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of at least 0, or a text")]
enum TypedValue {
    Number(u64),
    Text(String),
}

impl TypedValue {
    fn text(self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Auto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = TypedValue::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("expected a number of at least 1, or auto"))?;
        typed.text().parse().map_err(serde::de::Error::custom)
    }
}

/// A number or a text, as the command line reads it.
fn from_typed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let typed = TypedValue::deserialize(deserializer)?.text().parse();
    typed.map(Some).map_err(serde::de::Error::custom)
}

/// A text, as the command line reads it.
fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?.parse();
    text.map(Some).map_err(serde::de::Error::custom)
}

fn from_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = TypedValue::deserialize(deserializer)?.text();
    figures::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    Stop,
    Skip,
}

fn one_or_many_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    one_or_many(deserializer, "expected a path, or a list of paths")
}

fn one_or_many_layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    one_or_many(deserializer, "expected a layer's name, or a list of names")
}

fn one_or_many<'de, D, T>(deserializer: D, expected: &str) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form<T> {
        One(T),
        Many(Vec<T>),
    }
    let form = Form::deserialize(deserializer).map_err(|_| serde::de::Error::custom(expected))?;
    Ok(match form {
        Form::One(one) => vec![one],
        Form::Many(many) => many,
    })
}
