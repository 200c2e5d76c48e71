//! What bounded the run.

use crate::report::page::time;
use crate::run::busy::{Busy, STAGES};
use crate::text::figures::percent;

/// What bounded the run.
pub struct BoundSection {
    pub words: String,
    pub advice: &'static str,
    /// Stage, seconds busy, share of its threads' time, and that in percent as a number.
    pub stages: Vec<(&'static str, String, String, u32)>,
}

impl BoundSection {
    /// `device`: that of `run.toml`.
    pub fn of(busy: Busy, device: Option<&str>) -> Self {
        let names = [
            "reading images",
            "decoding images",
            "forward pass",
            "writing rows",
        ];
        let stages = STAGES.into_iter().zip(names).map(|(stage, name)| {
            let (seconds, share) = (busy.of(stage), busy.share(stage).min(1.0));
            (name, time(&seconds), percent(share), (share * 100.0) as u32)
        });
        Self {
            words: busy.words(),
            advice: busy.advice(device),
            stages: stages.collect(),
        }
    }
}
