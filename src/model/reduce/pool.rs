//! `--pool`: each channel of a (C, H, W) activation, pooled as PyTorch's adaptive pooling does.

use crate::cli::choices::{Pool, Pooling};
use crate::text::figures::row_shape;
use anyhow::{Result, bail};
use tch::{Kind, Tensor};

/// Tokens that are patches of an image, row by row. Other tokens come before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Tokens before the patches.
    pub prefix: u64,
    pub height: u64,
    pub width: u64,
}

/// Pools an activation of shape (batch, C, H, W) to (batch, C) or (batch, C, side, side). One of shape
/// (batch, tokens, C) needs the `grid` of its tokens.
///
/// # Errors
/// It has neither shape (the error names the layer); libtorch's.
pub fn pooled(pool: Pool, layer: &str, activation: &Tensor, grid: Option<Grid>) -> Result<Tensor> {
    let floats = match activation.kind() {
        Kind::Float | Kind::Double => activation.shallow_clone(),
        _ => activation.f_to_kind(Kind::Float)?,
    };
    let images = match (floats.dim(), grid) {
        (4, _) => floats,
        (3, Some(grid)) => laid_out(pool, layer, &floats, grid)?,
        _ => bail!(
            "layer '{layer}' gives {}: --pool {pool} needs rows of shape (channels, height, width){}",
            rows(activation),
            cure(activation.dim())
        ),
    };
    let side = [i64::from(pool.side.unwrap_or(1)); 2];
    let left = match pool.kind {
        Pooling::Average => images.f_adaptive_avg_pool2d(side)?,
        Pooling::Maximum => images.f_adaptive_max_pool2d(side)?.0,
    };
    Ok(match pool.side {
        Some(_) => left,
        None => left.f_flatten(1, -1)?,
    })
}

/// Tokens as an image.
fn laid_out(pool: Pool, layer: &str, tokens: &Tensor, grid: Grid) -> Result<Tensor> {
    let Grid {
        prefix,
        height,
        width,
    } = grid;
    let size = tokens.size();
    if size[1] as u64 != prefix + height * width {
        bail!(
            "layer '{layer}' gives {}: --pool {pool} needs {prefix} + {height} × {width} tokens, by [tokens] in the \
             model's TOML",
            rows(tokens)
        );
    }
    let patches = tokens.f_narrow(1, prefix as i64, (height * width) as i64)?;
    let channels_last = patches.f_unflatten(1, [height as i64, width as i64])?;
    Ok(channels_last.f_permute([0, 3, 1, 2])?)
}

fn cure(dimensions: usize) -> &'static str {
    match dimensions {
        3 => ", or tokens whose grid the model's TOML gives: [tokens] grid = [14, 14]",
        _ => "; leave the layer out, or choose one before it",
    }
}

fn rows(activation: &Tensor) -> String {
    let lengths: Vec<u64> = activation.size()[1..].iter().map(|&n| n as u64).collect();
    format!("rows of shape {}", row_shape(&lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_pooled_as_the_grid_that_they_are() {
        let grid = Grid {
            prefix: 1,
            height: 2,
            width: 3,
        };
        let tokens = Tensor::arange(2 * 7 * 4, (Kind::Float, tch::Device::Cpu)).view([2, 7, 4]);
        let pool: Pool = "avg".parse().unwrap();
        let pooled = super::pooled(pool, "block", &tokens, Some(grid)).unwrap();
        let mean = tokens.narrow(1, 1, 6).mean_dim(1, false, Kind::Float);
        assert_eq!((pooled.size(), pooled == mean), (vec![2, 4], true));
        let one_less = tokens.narrow(1, 0, 6);
        let error = super::pooled(pool, "block", &one_less, Some(grid)).unwrap_err();
        let text = "layer 'block' gives rows of shape (6, 4): --pool avg needs 1 + 2 × 3 tokens, by [tokens] in the model's TOML";
        assert_eq!(error.to_string(), text);
    }
}
