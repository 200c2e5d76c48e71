//! Rows that depend on more than their images.

/// What a row depends on besides its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variation {
    /// Random numbers, or a count that the model keeps.
    Chance,
    /// The images that are computed with it.
    Batch,
}

impl Variation {
    /// As `run.toml` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chance => "chance",
            Self::Batch => "batch",
        }
    }
}
