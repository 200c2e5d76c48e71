//! `--pool`: each channel of a (C, H, W) activation, pooled as PyTorch's adaptive pooling does.

use crate::text::figures::row_shape;
use anyhow::{Result, bail};
use std::fmt;
use std::str::FromStr;
use tch::{Kind, Tensor};

/// How a (C, H, W) activation is pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    kind: Pooling,
    /// Height and width of what is left of a channel; none: one number.
    side: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    Average,
    Maximum,
}

/// Tokens that are patches of an image, row by row, after some that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Tokens before the patches.
    pub prefix: u64,
    pub height: u64,
    pub width: u64,
}

/// More than any activation has.
const MOST: u32 = 1 << 16;

impl Pool {
    /// Pools an activation of shape (batch, C, H, W) to (batch, C) or (batch, C, side, side). One of shape
    /// (batch, tokens, C) needs the `grid` of its tokens.
    ///
    /// # Errors
    /// Names the layer, where it is neither; libtorch's.
    pub fn apply(self, layer: &str, activation: &Tensor, grid: Option<Grid>) -> Result<Tensor> {
        let floats = match activation.kind() {
            Kind::Float | Kind::Double => activation.shallow_clone(),
            _ => activation.f_to_kind(Kind::Float)?,
        };
        let images = match (floats.dim(), grid) {
            (4, _) => floats,
            (3, Some(grid)) => self.laid_out(layer, &floats, grid)?,
            _ => bail!(
                "layer '{layer}' gives {}: --pool {self} needs rows of shape (channels, height, width){}",
                rows(activation),
                self.cure(activation.dim())
            ),
        };
        let side = [i64::from(self.side.unwrap_or(1)); 2];
        let pooled = match self.kind {
            Pooling::Average => images.f_adaptive_avg_pool2d(side)?,
            Pooling::Maximum => images.f_adaptive_max_pool2d(side)?.0,
        };
        Ok(match self.side {
            Some(_) => pooled,
            None => pooled.f_flatten(1, -1)?,
        })
    }

    /// Tokens as an image.
    fn laid_out(self, layer: &str, tokens: &Tensor, grid: Grid) -> Result<Tensor> {
        let Grid {
            prefix,
            height,
            width,
        } = grid;
        let size = tokens.size();
        if size[1] as u64 != prefix + height * width {
            bail!(
                "layer '{layer}' gives {}: --pool {self} needs {prefix} + {height} × {width} tokens, by [tokens] in the \
                 model's TOML",
                rows(tokens)
            );
        }
        let patches = tokens.f_narrow(1, prefix as i64, (height * width) as i64)?;
        let channels_last = patches.f_unflatten(1, [height as i64, width as i64])?;
        Ok(channels_last.f_permute([0, 3, 1, 2])?)
    }

    fn cure(self, dimensions: usize) -> &'static str {
        match dimensions {
            3 => ", or tokens whose grid the model's TOML gives: [tokens] grid = [14, 14]",
            _ => "; leave the layer out, or choose one before it",
        }
    }
}

fn rows(activation: &Tensor) -> String {
    let lengths: Vec<u64> = activation.size()[1..].iter().map(|&n| n as u64).collect();
    format!("rows of shape {}", row_shape(&lengths))
}

impl fmt::Display for Pool {
    /// As the options and `run.toml` call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Pooling::Average => "avg",
            Pooling::Maximum => "max",
        })?;
        self.side.map_or(Ok(()), |side| write!(f, ":{side}"))
    }
}

impl FromStr for Pool {
    type Err = String;

    /// `avg`, `max`, `avg:2`, `max:7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, side) = match text.split_once(':') {
            Some((kind, side)) => (kind, Some(side)),
            None => (text, None),
        };
        let kind = match kind {
            "avg" => Ok(Pooling::Average),
            "max" => Ok(Pooling::Maximum),
            _ => Err(expected(text)),
        }?;
        let side = side.map(|side| match side.parse() {
            Ok(side) if (1..=MOST).contains(&side) => Ok(side),
            _ => Err(expected(text)),
        });
        Ok(Self {
            kind,
            side: side.transpose()?,
        })
    }
}

fn expected(found: &str) -> String {
    format!("expected avg, max, avg:N or max:N, with N from 1 to {MOST}; found '{found}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_reads_back() {
        for text in ["avg", "max", "avg:1", "max:7"] {
            assert_eq!(text.parse::<Pool>().unwrap().to_string(), text);
        }
        for text in [
            "", "min", "avg:", "avg:0", "avg:-1", "max:1.5", "AVG", "avg:2:2",
        ] {
            assert!(text.parse::<Pool>().is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_are_pooled_as_the_grid_that_they_are() {
        let grid = Grid {
            prefix: 1,
            height: 2,
            width: 3,
        };
        let tokens = Tensor::arange(2 * 7 * 4, (Kind::Float, tch::Device::Cpu)).view([2, 7, 4]);
        let pool: Pool = "avg".parse().unwrap();
        let pooled = pool.apply("block", &tokens, Some(grid)).unwrap();
        let mean = tokens.narrow(1, 1, 6).mean_dim(1, false, Kind::Float);
        assert_eq!((pooled.size(), pooled == mean), (vec![2, 4], true));
        let one_less = tokens.narrow(1, 0, 6);
        let error = pool.apply("block", &one_less, Some(grid)).unwrap_err();
        let text = "layer 'block' gives rows of shape (6, 4): --pool avg needs 1 + 2 × 3 tokens, by [tokens] in the model's TOML";
        assert_eq!(error.to_string(), text);
    }
}
