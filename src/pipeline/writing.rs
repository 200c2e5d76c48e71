//! What the writer's thread does.

use crate::pipeline::batch::Batch;
use crate::pipeline::messages::ComputedBatch;
use crate::pipeline::sink::Sink;
use crate::pipeline::work::Work;
use crate::run::busy::Stage;
use crate::run::writer::Segment;
use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long it may take until a decoder that waits for memory is seen, while no rows come.
const MAKE_ROOM_EVERY: Duration = Duration::from_millis(100);

/// Writes computed rows into parts, in their order. Seals the last part with what it has when no more rows come, or when
/// something fails. Gives a place of `under_way` back for each batch. Returns the number of rows.
pub fn write(
    work: &Work,
    computed: &Receiver<ComputedBatch>,
    under_way: &Receiver<()>,
    mut sink: Sink,
) -> Result<u64> {
    let mut order = BatchOrder::default();
    let mut rows = 0;
    let written = loop {
        match computed.recv_timeout(MAKE_ROOM_EVERY) {
            Ok(message) => {
                order.add(message);
                let written = order.due().try_for_each(|message| {
                    let write = || write_batch(work, message, &mut sink);
                    rows += work.stages.time(Stage::Write, write)?;
                    Ok(under_way.recv()?)
                });
                if written.is_err() {
                    break written;
                }
            }
            Err(RecvTimeoutError::Timeout) if sink.gate.is_waited_at() => {
                if let Err(error) = sink.writer.seal() {
                    break Err(error);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Ok(()),
        }
    };
    // Rows that are written have their blocks: they can be kept even where the disk is full.
    let sealed = work.stages.time(Stage::Write, || sink.writer.seal());
    written.and(sealed).map(|()| rows)
}

/// Puts batches back into order: keeps those that came before one with a smaller number.
#[derive(Default)]
struct BatchOrder {
    next: usize,
    early: BTreeMap<usize, ComputedBatch>,
}

impl BatchOrder {
    fn add(&mut self, message: ComputedBatch) {
        self.early.insert(message.batch.number, message);
    }

    /// The batches whose turn it is.
    fn due(&mut self) -> impl Iterator<Item = ComputedBatch> {
        std::iter::from_fn(|| {
            let message = self.early.remove(&self.next)?;
            self.next += 1;
            Some(message)
        })
    }
}

/// Writes one batch's rows into parts as large as the tuner says. Returns the number of rows.
fn write_batch(work: &Work, message: ComputedBatch, sink: &mut Sink) -> Result<u64> {
    let Sink {
        writer,
        tuner,
        journal,
        progress,
        gate,
    } = sink;
    let ComputedBatch { batch, activations } = message;
    let Batch {
        segment,
        rows,
        broken,
        ..
    } = batch;
    let Segment {
        rows: wanted,
        layers,
    } = &work.segments[segment];
    if writer.needs_part() {
        let count = tuner.open(wanted.end - rows.start);
        writer.open(rows.start..rows.start + count, layers)?;
    }
    let count = rows.end - rows.start;
    writer.write(rows, broken, |layer, memory| {
        activations[layer].write_rows(0..count as usize, work.stored, memory)
    })?;
    drop(activations);
    if tuner.wrote(count) || gate.is_waited_at() {
        writer.seal()?;
    }
    if writer.needs_part() || journal.is_due() {
        journal.add(tuner.entry())?;
    }
    progress.advance_noting(count, || format!("{}, {}", tuner.note(), writer.written()));
    Ok(count)
}
