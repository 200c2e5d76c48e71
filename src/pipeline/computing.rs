//! What a replica's two threads do: one makes the model's next input while the other computes.

use crate::model::{Extractor, Feeder, Input};
use crate::pipeline::stop::Stop;
use crate::pipeline::turns::Turns;
use crate::pipeline::{Batch, Computed, InputBatch, Work};
use crate::run::busy::Stage;
use crate::sources::Images;
use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender};
use std::ops::Range;

/// Turns pixels into inputs, and gives the pixels' memory back. `turns`: where its model takes turns with the decoders.
///
/// # Errors
/// libtorch's.
pub fn feed<'a>(
    feeder: &Feeder,
    stop: &Stop,
    turns: Option<&'a Turns>,
    ordered: &Receiver<Batch>,
    spare: &Sender<Vec<u8>>,
    inputs: &Receiver<Input>,
    ready_inputs: &Sender<InputBatch<'a>>,
) -> Result<()> {
    for batch in ordered {
        let Some(mut input) = inputs.recv().ok().filter(|_| !stop.is_over()) else {
            break; // a signal came, or the model failed and says why
        };
        let turn = turns.map(Turns::begin);
        feeder.feed(&batch.pixels, &mut input)?;
        // The dispatcher is gone once it has handed out all images.
        let _ = spare.send(batch.pixels);
        let message = InputBatch {
            number: batch.number,
            rows: batch.rows,
            segment: batch.segment,
            broken: batch.broken,
            input,
            turn,
        };
        if ready_inputs.send(message).is_err() {
            break;
        }
    }
    Ok(())
}

/// Computes inputs, and gives their memory back.
///
/// # Errors
/// The model's.
pub fn compute(
    extractor: &mut Extractor,
    work: &Work,
    say: &(dyn Fn(&str) + Sync),
    ready_inputs: &Receiver<InputBatch>,
    inputs: &Sender<Input>,
    computed: &Sender<Computed>,
) -> Result<()> {
    loop {
        let mut next = None;
        extractor.rest_while(|| next = ready_inputs.recv().ok());
        let Some(batch) = next else { break };
        let forward = || extractor.forward(&batch.input);
        let activations = work
            .stages
            .time(Stage::Forward, forward)
            .with_context(|| these_images(work.images, &batch.rows))?;
        drop(batch.turn);
        if let Some(line) = extractor.take_notice() {
            say(&line);
        }
        // The feeder is gone once it has fed all batches.
        let _ = inputs.send(batch.input);
        let message = Computed {
            number: batch.number,
            rows: batch.rows,
            segment: batch.segment,
            activations,
            broken: batch.broken,
        };
        if computed.send(message).is_err() {
            break; // the writer failed, and says why
        }
    }
    Ok(())
}

/// Names a batch, for its errors.
fn these_images(images: &Images, rows: &Range<u64>) -> String {
    let name = |row| images.name(row).display().to_string();
    match rows.end - rows.start {
        1 => format!("'{}'", name(rows.start)),
        _ => format!("images '{}' to '{}'", name(rows.start), name(rows.end - 1)),
    }
}
