//! What a run's images are known by.

use crate::sources::Images;
use crate::text::figures;
use sha2::{Digest, Sha256};

/// What a run's images are known by.
#[derive(Debug, Clone)]
pub struct ImageList {
    pub images: u64,
    /// SHA-256 of their names, a name a line, in hexadecimal.
    pub digest: String,
}

impl ImageList {
    pub fn of(images: &Images) -> Self {
        Self {
            images: images.len(),
            digest: figures::hex(&Sha256::digest(images.file_names())),
        }
    }
}
