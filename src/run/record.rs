//! `run.toml`: what was run. Written when a run begins; its form, and further devices, are added once rows have come from
//! them. Read by whoever continues, inspects or merges it.

use crate::rows::row_type::{RowType, as_descr};
use crate::rows::unfinished_file::write_whole;
use crate::run::preprocess::{self, Preprocess};
use crate::text::toml_file;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name inside a run directory.
pub const RUN_FILE: &str = "run.toml";
/// Line i is the image of row i.
pub const FILE_NAMES: &str = "file_names.txt";
pub const NAMES_INDEX: &str = "file_names.npy";
pub const SOURCES: &str = "sources.toml";
pub const SOURCES_INDEX: &str = "sources.npy";

/// What says which images a run has, and where they lie.
pub const LIST_FILES: [&str; 4] = [FILE_NAMES, NAMES_INDEX, SOURCES, SOURCES_INDEX];

/// A run, as `run.toml` holds it. Options and forms are texts here: their types belong to rooms above this one, and a featx
/// without libtorch, which does not have them, reads runs too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Version of featx that began the run.
    pub featx: String,
    /// What the model computes in: `f32`, `bf16`, `f16`.
    pub precision: String,
    /// What is stored.
    pub dtype: RowType,
    pub flatten: bool,
    /// `cls`, `mean`, `cls+mean`; absent where a row is kept whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<String>,
    /// Tokens before the patches, with which `tokens` is to be read; absent for 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_prefix: Option<u64>,
    /// `avg`, `max:2`; absent where nothing is pooled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Images a forward pass. Shards are cut at its multiples.
    pub batch_size: u64,
    /// Number of images, which is the number of rows.
    pub images: u64,
    /// SHA-256 of `file_names.txt`, in hexadecimal.
    pub image_list: String,
    /// Number of slices that the rows are cut into, at least 1.
    pub shards: u64,
    /// `cpu`, `cuda:0`; several, with commas, where it went on elsewhere. Not compared, as the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The form of the graph that rows came from: `plain`, `joined`, `fused`. Absent before the first part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Version of libtorch that began the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libtorch: Option<String>,
    /// The command that began it, as a shell takes it. Not compared, as the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Where its images were then: absolute paths of what was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    pub model: Model,
    pub preprocess: Preprocess,
    /// Absent where nothing is projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    pub layers: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// As it was given; not compared, for a file may move.
    pub file: String,
    /// SHA-256 of the archive's directory, in hexadecimal.
    pub fingerprint: String,
}

/// A sparse random projection, of each layer that has more numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Numbers of a row.
    pub outputs: u64,
    pub seed: u64,
    /// How the matrix follows from layer, lengths and seed (docs/reduce.md).
    pub recipe: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Dotted module name, and the name of the layer's folder.
    pub name: String,
    /// Shape of a row.
    pub shape: Vec<u64>,
    /// In NumPy's spelling: `<f4`.
    #[serde(with = "as_descr")]
    pub dtype: RowType,
    /// What its rows depend on besides their images: `chance`, `batch`; absent where nothing was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub varies: Option<String>,
    /// Shape of an activation, where rows are pooled or projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Vec<u64>>,
    /// Numbers of a row before it was projected; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projected_from: Option<u64>,
}

impl Run {
    /// Bytes of a row, all layers.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.layers
            .iter()
            .map(|layer| self.bytes_of(&layer.shape))
            .sum()
    }

    /// As [`Run::row_bytes`], if rows were neither pooled nor projected. `None` if they are neither.
    #[must_use]
    pub fn unreduced_row_bytes(&self) -> Option<u64> {
        let whole =
            |layer: &Layer| self.bytes_of(layer.activation.as_ref().unwrap_or(&layer.shape));
        let is_reduced = self.layers.iter().any(|layer| layer.activation.is_some());
        is_reduced.then(|| self.layers.iter().map(whole).sum())
    }

    /// Bytes of a row of this shape.
    #[must_use]
    pub fn bytes_of(&self, shape: &[u64]) -> u64 {
        shape.iter().product::<u64>() * self.dtype.size() as u64
    }

    /// Reads `DIR/run.toml`.
    ///
    /// # Errors
    /// It is missing, is not such a file, or has a layer whose folder would lie outside `directory`.
    pub fn read(directory: &Path) -> Result<Self> {
        Self::read_file(&directory.join(RUN_FILE))
    }

    /// As [`Run::read`], from a file of another name.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn read_file(path: &Path) -> Result<Self> {
        let named = || format!("cannot read '{}'", path.display());
        let text = std::fs::read_to_string(path).with_context(named)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a `run.toml`; `source` names it.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn parse(text: &str, source: &str) -> Result<Self> {
        let run: Self = toml_file::parse(text, source)?;
        run.check()
            .with_context(|| format!("cannot read '{source}'"))?;
        Ok(run)
    }

    /// Writes `DIR/run.toml`, whole or not at all.
    ///
    /// # Errors
    /// A run that [`Run::read`] would refuse; a disk that fails or is full.
    pub fn write(&self, directory: &Path) -> Result<()> {
        self.check()?;
        let text = toml::to_string(self).context("run.toml")?;
        write_whole(&directory.join(RUN_FILE), text.as_bytes())
    }

    /// # Errors
    /// Layers that cannot name folders, or come twice; no shard; no batch.
    pub fn check(&self) -> Result<()> {
        ensure!(self.shards > 0, "expected at least one shard, found none");
        ensure!(
            self.batch_size > 0,
            "expected a batch size of at least 1, found 0"
        );
        for (i, layer) in self.layers.iter().enumerate() {
            check_layer_name(&layer.name)?;
            let twice = self.layers[..i]
                .iter()
                .any(|other| other.name == layer.name);
            ensure!(
                !twice,
                "expected each layer once, found '{}' twice",
                layer.name
            );
        }
        Ok(())
    }

    /// Refuses to continue `directory`, which holds this run, with another one.
    ///
    /// # Errors
    /// Names the first difference and the cure.
    pub fn ensure_same(&self, asked: &Self, directory: &Path) -> Result<()> {
        let Some((held, asked)) = self.difference(asked) else {
            return Ok(());
        };
        // No shard may remove what the others have done.
        let or = if self.shards > 1 {
            ""
        } else {
            " or pass --overwrite"
        };
        bail!(
            "'{}' holds a run with {held}, this one asks for {asked}; choose another --out{or}",
            directory.display()
        )
    }

    /// The first thing that would give other rows: what this run has, what the other one asks for.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<(String, String)> {
        let mut settings = self.settings().into_iter().zip(other.settings());
        let ((what, held), (_, asked)) = settings.find(|((_, held), (_, asked))| held != asked)?;
        Some((format!("{what} {held}"), asked))
    }

    /// What the rows depend on, in the order in which a user would want to hear of it.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let names: Vec<_> = self.layers.iter().map(|l| l.name.as_str()).collect();
        let many = if names.len() == 1 { "layer" } else { "layers" };
        let forms = self
            .layers
            .iter()
            .map(|l| format!("{:?} {}", l.shape, l.dtype.descr()));
        let of_project = |text: fn(&Project) -> String| {
            let text = self.project.as_ref().map(text);
            text.unwrap_or_else(|| "none".into())
        };
        let lengths = self.layers.iter().map(|l| {
            let text = l.projected_from.map(|n| format!("{n} numbers"));
            text.unwrap_or_else(|| "none".into())
        });
        // Shards are cut at batch multiples; a run of one shard may go on with other batches.
        let batch = if self.shards > 1 {
            self.batch_size.to_string()
        } else {
            "any".into()
        };
        let mut settings = vec![
            (many, names.join(", ")),
            ("model fingerprint", self.model.fingerprint.clone()),
            ("precision", self.precision.clone()),
            ("dtype", self.dtype.to_string()),
            ("flatten", self.flatten.to_string()),
            (
                "tokens",
                self.tokens.clone().unwrap_or_else(|| "none".into()),
            ),
            (
                "tokens before the patches",
                self.tokens_prefix.unwrap_or(1).to_string(),
            ),
            ("pool", self.pool.clone().unwrap_or_else(|| "none".into())),
            ("project", of_project(|project| project.outputs.to_string())),
            ("seed", of_project(|project| project.seed.to_string())),
            (
                "projection recipe",
                of_project(|project| project.recipe.to_string()),
            ),
            (
                "rows projected from",
                lengths.collect::<Vec<_>>().join(", "),
            ),
            ("row shapes", forms.collect::<Vec<_>>().join(", ")),
        ];
        settings.extend(preprocess::settings(&self.preprocess));
        settings.extend([
            ("images", self.images.to_string()),
            ("image list", self.image_list.clone()),
            ("shards", self.shards.to_string()),
            ("batch size", batch),
        ]);
        settings
    }
}

/// A layer's name is the name of its folder, so it must be one plain component of a path.
///
/// # Errors
/// Names that are empty, `.` or `..`, or hold a slash or a NUL.
pub fn check_layer_name(name: &str) -> Result<()> {
    let plain = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    ensure!(
        plain,
        "expected a layer name that can name a folder, found '{}'",
        name.escape_debug()
    );
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn example() -> Run {
        Run {
            featx: "0.1.0".into(),
            precision: "f32".into(),
            dtype: RowType::F32,
            flatten: false,
            tokens: None,
            tokens_prefix: None,
            pool: None,
            project: None,
            batch_size: 32,
            images: 100,
            image_list: "ab".into(),
            shards: 1,
            device: None,
            form: None,
            libtorch: None,
            command: None,
            sources: None,
            model: Model {
                file: "vgg16.pt".into(),
                fingerprint: "cd".into(),
            },
            preprocess: toml::from_str(
                "resize = 256\ncrop = 224\ninterpolation = \"bilinear\"\nmean = [0.485, 0.456, 0.406]\n\
                 std = [0.229, 0.224, 0.225]",
            )
            .unwrap(),
            layers: vec![Layer {
                name: "features.30".into(),
                shape: vec![512, 7, 7],
                dtype: RowType::F32,
                varies: None,
                activation: None,
                projected_from: None,
            }],
        }
    }

    #[test]
    fn a_run_reads_back_and_unknown_keys_are_errors() {
        let text = toml::to_string(&example()).unwrap();
        assert_eq!(toml::from_str::<Run>(&text).unwrap(), example());
        let error = toml::from_str::<Run>(&format!("colour = 1\n{text}")).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `colour`"),
            "{error}"
        );
    }

    #[test]
    fn the_first_difference_is_worded() {
        let difference = |change: fn(&mut Run)| {
            let mut asked = example();
            change(&mut asked);
            example()
                .ensure_same(&asked, Path::new("out"))
                .map_err(|e| e.to_string())
        };
        let text = |held: &str, asked: &str| {
            Err(format!(
                "'out' holds a run with {held}, this one asks for {asked}; \
                 choose another --out or pass --overwrite"
            ))
        };
        let other_layer = difference(|run| run.layers[0].name = "features.28".into());
        assert_eq!(other_layer, text("layer features.30", "features.28"));
        let both = difference(|run| {
            run.precision = "bf16".into();
            run.images = 5;
        });
        assert_eq!(both, text("precision f32", "bf16"));
        assert_eq!(difference(|run| run.shards = 4), text("shards 1", "4"));
        // Where the model lies and how it is batched change no row.
        assert_eq!(
            difference(|run| run.model.file = "elsewhere.pt".into()),
            Ok(())
        );
        assert_eq!(difference(|run| run.batch_size = 8), Ok(()));
    }

    #[test]
    fn layer_names_stay_inside_the_run_directory() {
        for name in ["", ".", "..", "a/b", "/etc", "a\0"] {
            assert!(check_layer_name(name).is_err(), "{name:?}");
        }
        assert!(check_layer_name("features.30").is_ok());
    }
}
