//! The whole extraction on one screen.
//!
//! `spare batches → reader → tickets → decoders → ready batches → model → computed rows → writer → parts`
//!
//! Memory is bounded by the shape: a batch's memory goes round from the model back to the reader, and there are
//! [`BATCHES`] of it; the writer has one batch's activations while the model computes the next.

use crate::images::{Images, Preprocess, Preprocessor};
use crate::memory::Tuner;
use crate::model::{Activation, Extractor, Stored};
use crate::progress::Progress;
use crate::store::errors::Broken;
use crate::store::journal::Journal;
use crate::store::run_writer::{RunWriter, Segment};
use anyhow::{Result, anyhow, bail};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Batches of pixels in memory: one that is computed, one that waits, one or two that are filled.
pub const BATCHES: usize = 3;

/// What to compute, and how.
#[derive(Debug)]
pub struct Work<'a> {
    pub images: &'a Images,
    pub segments: &'a [Segment],
    pub preprocess: &'a Preprocess,
    /// Images a forward pass.
    pub batch: usize,
    pub stored: Stored,
    pub skip_broken: bool,
    /// Decoder threads.
    pub workers: usize,
}

/// Pixels of consecutive images of one segment; shape (batch, height, width, 3).
struct Batch {
    number: usize,
    rows: Range<u64>,
    segment: usize,
    pixels: Vec<u8>,
    /// Images that are not decoded yet.
    left: usize,
    broken: Vec<Broken>,
}

/// Where computed rows go, and who watches.
pub struct Sink<'a> {
    pub writer: &'a mut RunWriter,
    pub tuner: &'a mut Tuner,
    pub journal: &'a mut Journal,
    pub progress: &'a Progress,
}

/// One image to decode.
struct Ticket {
    batch: Arc<Mutex<Batch>>,
    slot: usize,
    row: u64,
}

/// Rows to write.
struct Computed {
    rows: Range<u64>,
    segment: usize,
    activations: Vec<Activation>,
    broken: Vec<Broken>,
}

/// Computes all segments and writes them.
///
/// # Errors
/// The first cause, in the order of the rows: a broken image (unless they are skipped), the model, the disk. The rows
/// before it are in sealed parts.
pub fn run(work: &Work, extractor: &mut Extractor, sink: Sink) -> Result<()> {
    let (spare_in, spare) = bounded(BATCHES);
    let (tickets_in, tickets) = bounded(work.batch);
    let (ready_in, ready) = bounded(BATCHES);
    let (computed_in, computed) = bounded(0); // the writer has one batch, the model the next
    for _ in 0..BATCHES {
        spare_in.send(vec![0; work.batch * work.preprocess.image_bytes()])?;
    }
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(work, &spare, &tickets_in));
        let decoders: Vec<_> = (0..work.workers)
            .map(|_| (tickets.clone(), ready_in.clone()))
            .map(|(tickets, ready)| scope.spawn(move || decode(work, &tickets, &ready)))
            .collect();
        drop((tickets, ready_in)); // the decoders alone hold them, so that the end of each is seen
        let writing = scope.spawn(move || write(work, &computed, sink));
        let computing = compute(work, extractor, ready, spare_in, computed_in);
        // A writer that failed makes computing stop: its error is the cause.
        writing.join().map_err(|_| panicked("the writer"))??;
        computing?;
        for decoder in decoders {
            decoder.join().map_err(|_| panicked("a decoder"))?;
        }
        reader.join().map_err(|_| panicked("the reader"))?;
        Ok(())
    })
}

fn panicked(who: &str) -> anyhow::Error {
    anyhow!("{who} panicked; this is a bug in featx, please report it with the lines above")
}

/// Cuts the segments into batches and hands out their images, as batches' memory gets free.
fn read(work: &Work, spare: &Receiver<Vec<u8>>, tickets: &Sender<Ticket>) {
    let batches = work
        .segments
        .iter()
        .enumerate()
        .flat_map(|(segment, Segment { rows, .. })| {
            let starts = rows.clone().step_by(work.batch);
            starts.map(move |start| (segment, start..rows.end.min(start + work.batch as u64)))
        });
    for (number, (segment, rows)) in batches.enumerate() {
        let Ok(pixels) = spare.recv() else { return };
        let left = (rows.end - rows.start) as usize;
        let batch = Batch {
            number,
            rows: rows.clone(),
            segment,
            pixels,
            left,
            broken: Vec::new(),
        };
        let batch = Arc::new(Mutex::new(batch));
        for (slot, row) in rows.enumerate() {
            if tickets
                .send(Ticket {
                    batch: batch.clone(),
                    slot,
                    row,
                })
                .is_err()
            {
                return;
            }
        }
    }
}

/// Decodes images until there are no more; who decodes a batch's last one passes the batch on.
fn decode(work: &Work, tickets: &Receiver<Ticket>, ready: &Sender<Arc<Mutex<Batch>>>) {
    let mut preprocessor = Preprocessor::new(work.preprocess);
    let mut image = vec![0; work.preprocess.image_bytes()];
    for Ticket {
        batch: shared,
        slot,
        row,
    } in tickets
    {
        let loaded = preprocessor.load_into(&work.images.path(row), &mut image);
        let mut batch = shared.lock().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok(()) => batch.pixels[slot * image.len()..][..image.len()].copy_from_slice(&image),
            Err(reason) => {
                let path = work.images.name(row).display().to_string();
                batch.broken.push(Broken {
                    row,
                    path,
                    reason: reason.to_string(),
                });
            }
        }
        batch.left -= 1;
        let is_last = batch.left == 0;
        drop(batch);
        if is_last && ready.send(shared).is_err() {
            return;
        }
    }
}

/// Computes the batches in their order.
fn compute(
    work: &Work,
    extractor: &mut Extractor,
    ready: Receiver<Arc<Mutex<Batch>>>,
    spare: Sender<Vec<u8>>,
    computed: Sender<Computed>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for shared in &ready {
        let batch = take(&shared);
        early.insert(batch.number, batch);
        while let Some(mut batch) = early.remove(&next) {
            next += 1;
            batch.broken.sort_by_key(|broken| broken.row);
            let stop = batch.broken.first().filter(|_| !work.skip_broken);
            let rows = batch.rows.start..stop.map_or(batch.rows.end, |broken| broken.row);
            let failure = stop.map(|Broken { path, reason, .. }| {
                anyhow!("image '{path}' {reason}; remove or mend it, or pass --on-error skip")
            });
            if !rows.is_empty() {
                let activations = extractor.forward(&batch.pixels)?;
                let broken = if failure.is_some() {
                    Vec::new()
                } else {
                    batch.broken
                };
                let message = Computed {
                    rows,
                    segment: batch.segment,
                    activations,
                    broken,
                };
                if computed.send(message).is_err() {
                    return Ok(()); // the writer failed, and says why
                }
            }
            if let Some(failure) = failure {
                bail!(failure);
            }
            // The reader is gone once it has handed out all images.
            let _ = spare.send(batch.pixels);
        }
    }
    Ok(())
}

/// The batch, from the decoder that completed it.
fn take(shared: &Mutex<Batch>) -> Batch {
    let mut batch = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let nothing = Batch {
        number: 0,
        rows: 0..0,
        segment: 0,
        pixels: Vec::new(),
        left: 0,
        broken: Vec::new(),
    };
    std::mem::replace(&mut batch, nothing)
}

/// Writes computed rows into parts, as large as the tuner says; seals the last one with what it has when no more come.
fn write(work: &Work, computed: &Receiver<Computed>, sink: Sink) -> Result<()> {
    let Sink {
        writer,
        tuner,
        journal,
        progress,
    } = sink;
    for Computed {
        rows,
        segment,
        activations,
        broken,
    } in computed
    {
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
        if tuner.wrote(count) {
            writer.seal()?;
        }
        if writer.needs_part() || journal.is_due() {
            journal.add(tuner.entry())?;
        }
        progress.note(tuner.note());
        progress.advance(count);
    }
    writer.seal()
}
