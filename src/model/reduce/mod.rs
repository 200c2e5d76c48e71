//! Makes rows shorter before they are stored: pooling, and a sparse random projection.

mod blocks;
mod philox;
mod pool;
mod projection;
mod projector;

pub use pool::{Grid, pooled};
pub use projection::{MOST_OUTPUTS, RECIPE};
pub use projector::Projector;

use crate::cli::choices::Pool;

/// How rows are made shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reduction {
    pub pool: Option<Pool>,
    /// What `pool` needs to know of tokens, if the model says it.
    pub grid: Option<Grid>,
    pub project: Option<Project>,
}

/// `--project` and `--seed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Project {
    /// Numbers of a row. Rows that do not have more stay as they are.
    pub outputs: u64,
    pub seed: u64,
}
