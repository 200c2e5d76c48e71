//! What is kept of a transformer's tokens.

use crate::cli::choices::Tokens;

/// Which tokens to keep, of a model that has so many before its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptTokens {
    pub kept: Tokens,
    pub prefix: usize,
}
