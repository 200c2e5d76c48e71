//! What a replica's model does.

use crate::model::{Activation, Extractor, Input, set_threads};
use crate::pipeline::batch::Batch;
use crate::pipeline::messages::{ComputedBatch, InputBatch};
use crate::pipeline::run_context::RunContext;
use crate::run::busy::Stage;
use crate::sources::Images;
use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender};
use std::ops::Range;

pub struct ModelThread<'a> {
    pub context: RunContext<'a>,
    pub extractor: &'a mut Extractor,
    pub ready_inputs: Receiver<InputBatch<'a>>,
    pub inputs: Sender<Input>,
    pub computed: Sender<ComputedBatch>,
}

impl ModelThread<'_> {
    /// Computes inputs, and gives their memory back.
    ///
    /// # Errors
    /// The model's.
    pub fn run(mut self) -> Result<()> {
        let RunContext { work, stop, .. } = self.context;
        set_threads(work.threads);
        stop.guard(|| self.compute_all())
    }

    fn compute_all(&mut self) -> Result<()> {
        loop {
            let mut next = None;
            let ready_inputs = &self.ready_inputs;
            self.extractor
                .rest_while(|| next = ready_inputs.recv().ok());
            let Some(InputBatch { batch, input, turn }) = next else {
                break;
            };
            let activations = self.forward(&batch, &input)?;
            drop(turn);
            if let Some(line) = self.extractor.take_notice() {
                (self.context.say)(&line);
            }
            // The feeder is gone once it has fed all batches.
            let _ = self.inputs.send(input);
            let message = ComputedBatch { batch, activations };
            if self.computed.send(message).is_err() {
                break; // the writer failed, and says why
            }
        }
        Ok(())
    }

    fn forward(&mut self, batch: &Batch, input: &Input) -> Result<Vec<Activation>> {
        let work = self.context.work;
        let forward = || self.extractor.forward(input);
        let activations = work.stages.time(Stage::Forward, forward);
        activations.with_context(|| these_images(work.images, &batch.rows))
    }
}

/// Names a batch, for its errors.
fn these_images(images: &Images, rows: &Range<u64>) -> String {
    let name = |row| images.name(row).display().to_string();
    match rows.end - rows.start {
        1 => format!("'{}'", name(rows.start)),
        _ => format!("images '{}' to '{}'", name(rows.start), name(rows.end - 1)),
    }
}
