//! What a replica's feeder does: it makes the model's next input while the model computes.

use crate::model::{Feeder, Input};
use crate::pipeline::messages::{InputBatch, PixelBatch};
use crate::pipeline::run_context::RunContext;
use crate::pipeline::turns::Turns;
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender};

pub struct FeederThread<'a> {
    pub context: RunContext<'a>,
    pub feeder: Feeder,
    pub ordered: Receiver<PixelBatch>,
    pub spare: Sender<Vec<u8>>,
    pub inputs: Receiver<Input>,
    pub ready_inputs: Sender<InputBatch<'a>>,
}

impl FeederThread<'_> {
    /// Turns pixels into inputs, and gives the pixels' memory back.
    ///
    /// # Errors
    /// libtorch's.
    pub fn run(self) -> Result<()> {
        self.context.stop.guard(|| self.feed_all())
    }

    fn feed_all(&self) -> Result<()> {
        let RunContext { stop, turns, .. } = self.context;
        for PixelBatch { batch, pixels, .. } in &self.ordered {
            let Some(mut input) = self.inputs.recv().ok().filter(|_| !stop.is_over()) else {
                break; // a signal came, or the model failed and says why
            };
            let turn = turns.map(Turns::begin);
            self.feeder.feed(&pixels, &mut input)?;
            // The dispatcher is gone once it has handed out all images.
            let _ = self.spare.send(pixels);
            let message = InputBatch { batch, input, turn };
            if self.ready_inputs.send(message).is_err() {
                break;
            }
        }
        Ok(())
    }
}
