//! What is kept of a transformer's tokens.

use crate::cli::choices::Tokens;

/// Which tokens to keep, and how many the model has before its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptTokens {
    pub kept: Tokens,
    pub prefix: usize,
}
