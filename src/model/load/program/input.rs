//! What a program takes: one batch of images, some of whose dimensions it may have been exported for.

use super::codes;
use super::graph::{Flattener, Scope, Value};
use super::schema::{Argument, InputSpec, Range, Signature, Size};
use super::weights::Metas;
use crate::images::Shape;
use crate::model::batch_size::BatchSize;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// The program's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    pub value: Value,
    pub batch: BatchSize,
    pub channels: Option<u64>,
    /// Height and width, where the program was exported for one size.
    pub height: Option<u64>,
    pub width: Option<u64>,
}

impl Images {
    /// # Errors
    /// Inputs other than one batch of images.
    pub fn bind(
        signature: &Signature,
        metas: &Metas,
        ranges: &HashMap<String, Range>,
        flattener: &mut Flattener,
        scope: &mut Scope,
    ) -> Result<Self> {
        let mut inputs = signature.input_specs.iter().filter_map(|spec| match spec {
            InputSpec::UserInput(input) => Some(&input.arg),
            _ => None,
        });
        let (first, more) = (inputs.next(), inputs.count());
        let Some(Argument::AsTensor(named)) = first.filter(|_| more == 0) else {
            let found = more + usize::from(first.is_some());
            bail!(
                "its forward takes {found} inputs; expected one, the images; export the model with the images alone"
            );
        };
        let meta = metas.get(&named.name).context("its input has no shape")?;
        let [batch, channels, height, width] = meta.sizes.as_slice() else {
            bail!(
                "it takes a tensor of {} dimensions; expected images, (batch, channels, height, width)",
                meta.sizes.len()
            );
        };
        let type_name =
            codes::scalar_type(meta.dtype).map_or("of an unknown type", |scalar| scalar.name);
        ensure!(
            ["float16", "bfloat16", "float32", "float64"].contains(&type_name),
            "it takes images as {type_name}; featx gives float32"
        );
        Ok(Self {
            value: flattener.bind(&named.name, scope),
            batch: batch_of(batch, ranges)?,
            channels: fixed(channels),
            height: fixed(height),
            width: fixed(width),
        })
    }

    /// # Errors
    /// Where the program was exported for images of another shape.
    pub fn ensure_fit(&self, shape: Shape) -> Result<()> {
        let fits =
            |fixed: Option<u64>, given: usize| fixed.is_none_or(|fixed| fixed == given as u64);
        let size_fits = fits(self.height, shape.height) && fits(self.width, shape.width);
        if size_fits && fits(self.channels, shape.channels) {
            return Ok(());
        }
        let text = |fixed: Option<u64>| fixed.map_or("any".to_owned(), |fixed| fixed.to_string());
        let (height, width) = (text(self.height), text(self.width));
        let cure = match (self.height, self.width) {
            (Some(height), Some(width)) if !size_fits => {
                let crop = match height == width {
                    true => width.to_string(),
                    false => format!("{height}x{width}"),
                };
                format!(
                    "pass --crop {crop} (and a --resize at least as large), or export it for {shape}"
                )
            }
            _ if self.channels == Some(1) => {
                "pass --channels grey, with its --mean and --std".to_owned()
            }
            _ if self.channels == Some(3) && shape.channels == 1 => {
                "pass --channels rgb".to_owned()
            }
            _ => format!("export it for {shape}"),
        };
        bail!(
            "was exported for images of shape ({}, {height}, {width}), the preprocessing gives {shape}; {cure}",
            text(self.channels)
        )
    }
}

fn fixed(size: &Size) -> Option<u64> {
    match size {
        Size::AsInt(size) => u64::try_from(*size).ok(),
        Size::AsExpr(_) => None,
    }
}

fn batch_of(size: &Size, ranges: &HashMap<String, Range>) -> Result<BatchSize> {
    let most = match size {
        Size::AsInt(size) => {
            let size = usize::try_from(*size).ok().filter(|size| *size > 0);
            return Ok(BatchSize::Exactly(
                size.context("it takes batches of no images")?,
            ));
        }
        Size::AsExpr(expression) => ranges
            .get(symbol(&expression.expr_str))
            .and_then(|range| range.max_val)
            .and_then(|most| usize::try_from(most).ok()),
    };
    // PyTorch's own ends of int64 are no limits.
    Ok(match most {
        Some(most) if (1..1 << 31).contains(&most) => BatchSize::AtMost(most),
        _ => BatchSize::Any,
    })
}

/// `s77` of `Symbol('s77', positive=True, integer=True)`.
fn symbol(expression: &str) -> &str {
    match expression.strip_prefix("Symbol('") {
        Some(rest) => rest.split('\'').next().unwrap_or(rest),
        None => expression,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_open_bounded_or_fixed() {
        let size = |text: &str| serde_json::from_str::<Size>(text).unwrap();
        let open =
            size(r#"{"as_expr": {"expr_str": "Symbol('s77', positive=True, integer=True)"}}"#);
        let ranges = |text: &str| serde_json::from_str::<HashMap<String, Range>>(text).unwrap();
        let none = ranges(r#"{"s77": {"min_val": 2, "max_val": null}}"#);
        let eight = ranges(r#"{"s77": {"min_val": 2, "max_val": 8}}"#);
        assert_eq!(batch_of(&open, &none).unwrap(), BatchSize::Any);
        assert_eq!(batch_of(&open, &eight).unwrap(), BatchSize::AtMost(8));
        assert_eq!(
            batch_of(&size(r#"{"as_int": 4}"#), &none).unwrap(),
            BatchSize::Exactly(4)
        );
        assert!(batch_of(&size(r#"{"as_int": 0}"#), &none).is_err());
    }
}
