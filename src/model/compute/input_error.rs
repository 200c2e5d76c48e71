//! The error for a model that cannot compute on the images that it would get.

use crate::cli::choices::Precision;
use crate::model::compute::extractor_options::ExtractorOptions;
use anyhow::{Error, anyhow};

/// `instead`: what the model's first layer takes, if that is known.
pub fn wants_another_input(
    file_name: &str,
    options: &ExtractorOptions,
    reason: &Error,
    instead: Option<String>,
) -> Error {
    let text = reason.to_string();
    if text.contains("bad_alloc") || text.contains("can't allocate memory") {
        return anyhow!("'{file_name}': {text}"); // no fault of the input's
    }
    let (shape, precision) = (options.shape, options.precision);
    let cure = match (instead, options.precision) {
        (Some(words), _) => cure_of_channels(&words),
        (None, Precision::F32) => {
            "if it wants another size, set --resize and --crop, or a TOML beside the model".into()
        }
        _ => "try --precision f32: it may have types of its own, as traces do".into(),
    };
    anyhow!("'{file_name}' fails on {precision} images of shape {shape}: {reason:#}; {cure}")
}

/// `words`: what the first layer takes instead, "… takes (N, 1, H, W)".
fn cure_of_channels(words: &str) -> String {
    if words.ends_with("(N, 1, H, W)") {
        format!(
            "{words}; pass --channels grey --mean 0.5 --std 0.5, with the model's own mean and std"
        )
    } else if words.ends_with("(N, 3, H, W)") {
        format!("{words}; pass --channels rgb, with three numbers for --mean and --std")
    } else {
        format!("{words}; wrap it in a module that makes this from (N, 3, H, W), and export that")
    }
}
