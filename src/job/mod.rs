//! From what was typed, the `--config` file, the model's TOML and the machine to one checked [`Job`]. Past this point
//! nothing is optional.

mod model_description;
mod reduction;
mod shard_wish;

pub use model_description::{ModelDescription, describe};
pub use shard_wish::ShardWish;

use crate::batch;
use crate::cli::choices::{Device, FormChoice, Precision};
use crate::cli::extract::{Auto, Extract, OnError};
use crate::cli::{find_model, wrong_usage};
use crate::images::Preprocess;
use crate::memory::{RamBudget, cores};
use crate::model::{self, HookTensors, KeptTokens, Reduction};
use crate::rows::row_type::RowType;
use crate::text::toml_file;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::time::Duration;

/// No part takes longer to fill, unless asked for.
const CHECKPOINT: Duration = Duration::from_secs(300);

/// An image that takes longer is given up, unless asked for.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(300);

/// What will be done.
#[derive(Debug)]
pub struct Job {
    pub images: Vec<PathBuf>,
    pub list: Option<PathBuf>,
    pub model: PathBuf,
    /// Layer names and globs.
    pub layers: Vec<String>,
    pub out: PathBuf,
    pub preprocess: Preprocess,
    /// A replica of the model computes on each; at least one.
    pub devices: Vec<Device>,
    /// Which they are, and why, for the user to see.
    pub devices_text: String,
    pub precision: Precision,
    /// On a GPU, f32 may be computed with fewer digits.
    pub tf32: bool,
    pub form: FormChoice,
    /// Where the preprocessing comes from, for the user to see.
    pub preprocess_source: String,
    /// Bytes.
    pub ram_budget: u64,
    pub checkpoint: Duration,
    /// Images a forward pass. `None`: found by measuring.
    pub batch_size: Option<usize>,
    /// Batches a part. `None`: found by measuring.
    pub step_size: Option<usize>,
    pub stored: RowType,
    pub flatten: bool,
    pub tokens: Option<KeptTokens>,
    pub reduction: Reduction,
    /// Which tensor of a traced layer a forward hook sees first.
    pub hooks: HookTensors,
    /// Rows may depend on chance or on their batch, and a run of several processes begins all the same.
    pub allow_varying: bool,
    pub skip_broken: bool,
    pub image_timeout: Duration,
    /// `None`: this process does the whole run.
    pub shard: Option<ShardWish>,
    pub workers: usize,
    pub threads: usize,
    /// Nobody asked for a batch size or for threads: what computes on the CPU may be divided among its cores.
    pub may_divide: bool,
    pub overwrite: bool,
    pub dry_run: bool,
    pub json: bool,
    pub quiet: bool,
}

/// More than any machine has cores; many more would only exhaust it.
const MAX_THREADS: usize = 1024;

impl Job {
    /// # Errors
    /// An option that is missing or out of range ([`crate::cli::WrongUsage`]), a model or TOML that cannot be found or read.
    pub fn new(typed: Extract) -> Result<Self> {
        let args = with_config(typed)?;
        let required = |option: &str| {
            wrong_usage(format!(
                "--{option} is required (see: featx extract --help)"
            ))
        };
        let layers = split_layers(&args.layer);
        ensure!(!layers.is_empty(), required("layer"));
        let out = args.out.clone().ok_or_else(|| required("out"))?;
        let model = find_model(args.model.as_deref().ok_or_else(|| required("model"))?)?;
        let described = describe(&model)?;
        let reduction = reduction::resolve(&args, described.grid)?;
        let cores = cores();
        let (devices, devices_text) = model::resolve(&args.device.clone().unwrap_or_default())?;
        Ok(Self {
            preprocess: overridden(described.preprocess, &args)?,
            preprocess_source: described.source,
            hooks: described.hooks,
            allow_varying: args.allow_varying,
            images: match args.images.is_empty() {
                true => vec!["images".into()],
                false => args.images,
            },
            list: args.list,
            model,
            layers,
            out,
            devices,
            devices_text,
            precision: args.precision.unwrap_or_default(),
            tf32: args.tf32,
            form: args.form.unwrap_or_default(),
            ram_budget: RamBudget::resolve(args.ram_budget),
            checkpoint: args.checkpoint.unwrap_or(CHECKPOINT),
            batch_size: args.batch_size.and_then(Auto::fixed),
            step_size: args.step_size.and_then(Auto::fixed),
            stored: args.dtype.unwrap_or_default(),
            flatten: args.flatten,
            tokens: args.tokens.map(|kept| KeptTokens {
                kept,
                prefix: described.prefix,
            }),
            reduction,
            skip_broken: args.on_error == Some(OnError::Skip),
            image_timeout: at_least_a_second(args.image_timeout.unwrap_or(IMAGE_TIMEOUT))?,
            shard: ShardWish::find(args.shard, args.no_shard, batch::variable)?,
            workers: threads("workers", args.workers, cores)?,
            threads: threads("threads", args.threads, cores)?,
            may_divide: args.batch_size.and_then(Auto::fixed).is_none() && args.threads.is_none(),
            overwrite: args.overwrite,
            dry_run: args.dry_run,
            json: args.json,
            quiet: args.quiet,
        })
    }

    /// Threads of a lane, where each device has `lanes` side by side.
    pub fn threads_per_lane(&self, lanes: usize) -> usize {
        self.threads.div_ceil(self.devices.len() * lanes)
    }
}

fn with_config(typed: Extract) -> Result<Extract> {
    let Some(path) = typed.config.clone() else {
        return Ok(typed);
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read '{}'", path.display()))?;
    Ok(typed.with_config(toml_file::parse(&text, &path.display().to_string())?))
}

fn at_least_a_second(image_timeout: Duration) -> Result<Duration> {
    ensure!(
        image_timeout.as_secs() > 0,
        wrong_usage("--image-timeout must be at least 1s")
    );
    Ok(image_timeout)
}

fn threads(option: &str, given: Option<usize>, default: usize) -> Result<usize> {
    match given.unwrap_or(default) {
        n if (1..=MAX_THREADS).contains(&n) => Ok(n),
        n => Err(wrong_usage(format!(
            "--{option} must be between 1 and {MAX_THREADS}, found {n}"
        ))),
    }
}

/// Splits at commas, but not inside the braces of a glob.
fn split_layers(typed: &[String]) -> Vec<String> {
    let layers = typed.iter().flat_map(|text| {
        let mut depth = 0;
        let at_comma = move |c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        };
        text.split(at_comma)
    });
    layers
        .map(str::trim)
        .filter(|layer| !layer.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The preprocessing of the model's TOML, but for what was typed. Every key is named here: one that is new cannot be
/// forgotten.
fn overridden(of_model: Preprocess, args: &Extract) -> Result<Preprocess> {
    let preprocess = Preprocess {
        orient: args.orient || of_model.orient,
        resize: args.resize.unwrap_or(of_model.resize),
        crop: args.crop.or(of_model.crop),
        crop_rounding: args.crop_rounding.unwrap_or(of_model.crop_rounding),
        interpolation: args.interpolation.unwrap_or(of_model.interpolation),
        resampler: args.resampler.unwrap_or(of_model.resampler),
        pad: args.pad.or(of_model.pad),
        channels: args.channels.unwrap_or(of_model.channels),
        scale: args.scale.unwrap_or(of_model.scale),
        mean: args.mean.clone().unwrap_or(of_model.mean),
        std: args.std.clone().unwrap_or(of_model.std),
    };
    // What the TOML says was valid, so the fault is an option's.
    preprocess
        .validate()
        .map_err(|error| wrong_usage(format!("--{error}")))?;
    Ok(preprocess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_split_at_commas_outside_braces() {
        let typed = [
            "a, b".to_owned(),
            "features.{0,3}".to_owned(),
            String::new(),
        ];
        assert_eq!(split_layers(&typed), ["a", "b", "features.{0,3}"]);
    }

    #[test]
    fn the_command_line_wins_over_the_config() {
        let config: Extract =
            toml::from_str("model = 'a'\nlayer = 'x'\nbatch-size = 8\njson = true").unwrap();
        let typed = Extract {
            model: Some("b".into()),
            ..Default::default()
        };
        let args = typed.with_config(config);
        assert_eq!(
            (args.model.as_deref(), args.batch_size),
            (Some("b"), Some(Auto::Fixed(8)))
        );
        assert!(args.json && args.layer == ["x"]);
    }

    #[test]
    fn an_unknown_key_of_a_config_is_an_error() {
        assert!(
            toml::from_str::<Extract>("modle = 'a'")
                .unwrap_err()
                .to_string()
                .contains("unknown field `modle`")
        );
    }
}
