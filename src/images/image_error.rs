//! Why one image gave no pixels.

use crate::text::figures;
use crate::text::printing::one_line;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;

/// One line each, without the path: the caller knows it, and writes it before the reason.
#[derive(Debug, Error)]
pub enum ImageError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is not a regular file")]
    NotAFile,
    #[error("is empty (0 bytes)")]
    Empty,
    #[error(
        "is not an image: its bytes are of no JPEG, PNG, WebP, BMP, GIF, TIFF, PNM, QOI, ICO, CUR or TGA file"
    )]
    NotAnImage,
    /// What it is, in words that follow the path.
    #[error("{0}")]
    Foreign(&'static str),
    #[error("has no pixels: {width} x {height}")]
    ZeroSize { width: u64, height: u64 },
    #[error("is too large: {width} x {height} pixels, the limit is {limit} pixels in all")]
    TooManyPixels { width: u64, height: u64, limit: u64 },
    #[error("is too large: {bytes} bytes, the limit is {limit}")]
    TooManyBytes { bytes: u64, limit: u64 },
    /// Nothing is wrong with the image, but decoding it takes more than there is memory for now.
    #[error(
        "takes {} to decode ({width} x {height} pixels), more than there is memory for",
        figures::bytes(*bytes)
    )]
    AboveLimit {
        width: usize,
        height: usize,
        bytes: u64,
    },
    /// Nor will there be that much memory in this run. `needed`: a budget that has it.
    #[error(
        "takes {} to decode ({width} x {height} pixels), more than --ram-budget {} has room for; {}MB would do",
        figures::bytes(*bytes),
        figures::bytes(*budget),
        needed.div_ceil(100_000_000) * 100
    )]
    BeyondBudget {
        width: usize,
        height: usize,
        bytes: u64,
        budget: u64,
        needed: u64,
    },
    #[error("is truncated")]
    Truncated,
    #[error("is corrupt: {0}")]
    Corrupt(&'static str),
    #[error("is of a kind that is not supported: {0}")]
    Unsupported(&'static str),
    #[error("took longer than {} to read", figures::duration(*.0))]
    TooSlow(Duration),
    /// What a source says of one of its items.
    #[error("{0}")]
    Source(String),
    #[error("made the decoder fail; please report it with the file")]
    DecoderFailed,
}

impl ImageError {
    /// An item that its source cannot give, and why.
    pub fn of_source(reason: impl Display) -> Self {
        Self::Source(one_line(&format!("cannot be read: {reason:#}")))
    }

    /// The error of a source that is not what it was when it was searched.
    pub fn of_changed(source: &Path) -> Self {
        let shown = source.display();
        Self::of_source(format_args!(
            "'{shown}' has changed or vanished since the run began"
        ))
    }

    /// True where another image would fail as well: no open file or memory is left, or the whole source is gone.
    pub fn is_the_machines(&self, source_is_there: impl Fn() -> bool) -> bool {
        use rustix::io::Errno;
        let codes = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
        let is_exhausted = |error: &io::Error| {
            error
                .raw_os_error()
                .is_some_and(|code| codes.contains(&code))
        };
        match self {
            Self::Unreadable(error) => is_exhausted(error) || !source_is_there(),
            Self::Source(_) => !source_is_there(),
            _ => false,
        }
    }
}

pub type Result<T> = std::result::Result<T, ImageError>;
