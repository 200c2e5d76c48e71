//! Where computed rows go.

use crate::memory::{Gate, Tuner};
use crate::run::journal::Journal;
use crate::run::writer::RunWriter;
use crate::text::progress::Progress;
use std::sync::Arc;

/// Who takes the rows, who chooses the sizes of parts, and who is told.
pub struct Sink<'a> {
    pub writer: &'a mut RunWriter,
    pub tuner: &'a mut Tuner,
    pub journal: &'a mut Journal,
    pub progress: &'a Progress,
    /// Where decoders of large images wait for the writer to seal its part.
    pub gate: &'a Arc<Gate>,
}
