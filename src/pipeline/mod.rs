//! The whole extraction on one screen.
//!
//! `spare pixels → reader → tickets → decoders → ready batches → in order → feeder → model → computed → writer → parts`
//!
//! There is a feeder and a model for each replica, and they take batches as they get free; the writer puts their rows
//! back into order. Memory is bounded by the shape: pixels go round from the feeders back to the reader, and there are
//! [`Work::batches`] of them, and [`INPUTS`] inputs a model; the writer has one batch's activations while a model
//! computes the next, and no batch is begun that is too far ahead of it.

mod computing;
mod crew;
mod decoding;
mod ordering;
mod turns;
mod watch;
mod writing;

use crate::images::Preprocess;
use crate::memory::{Gate, Tuner};
use crate::model::{Activation, Extractor, Input, set_threads};
use crate::rows::row_type::RowType;
use crate::run::errors::Broken;
use crate::run::journal::Journal;
use crate::run::writer::{RunWriter, Segment};
use crate::signals::Signals;
use crate::sources::Images;
use crate::text::progress::Progress;
use anyhow::{Result, anyhow};
use computing::{compute, feed};
use crew::Crew;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use decoding::Decoding;
pub use decoding::ORDINARY;
use ordering::order;
use std::convert::Infallible;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;
use turns::{Turn, Turns};
use watch::Watch;
use writing::write;

/// Batches of pixels in memory: one that waits or is fed, one or two that are filled.
pub const BATCHES: usize = 3;
/// Inputs of a model: one that is computed, one that is fed.
pub const INPUTS: usize = 2;

/// What to compute, and how.
#[derive(Debug)]
pub struct Work<'a> {
    pub images: &'a Arc<Images>,
    pub segments: &'a [Segment],
    pub preprocess: &'a Preprocess,
    /// Images a forward pass.
    pub batch: usize,
    /// So many of those are in memory as pixels: [`BATCHES`], more where passes share a batch.
    pub batches: usize,
    /// libtorch's, of each pass.
    pub threads: usize,
    pub stored: RowType,
    pub skip_broken: bool,
    /// Decoder threads.
    pub workers: usize,
    /// An image that takes longer to read and decode is a broken one.
    pub image_timeout: Duration,
}

impl Work<'_> {
    /// The rows of each batch and the segment that they lie in, in order.
    fn batches(&self) -> impl Iterator<Item = (usize, Range<u64>)> {
        self.segments
            .iter()
            .enumerate()
            .flat_map(|(segment, Segment { rows, .. })| {
                let starts = rows.clone().step_by(self.batch);
                let end = |start| rows.end.min(start + self.batch as u64);
                starts.map(move |start| (segment, start..end(start)))
            })
    }
}

/// Pixels of consecutive images of one segment, or f32 values that are not preprocessed; shape (batch, height, width, 3).
struct Batch {
    number: usize,
    rows: Range<u64>,
    segment: usize,
    pixels: Vec<u8>,
    /// Images that are not decoded yet.
    left: usize,
    broken: Vec<Broken>,
    /// Of the broken rows, one that is the machine's fault: it is no image to be skipped.
    machine_fault: Option<u64>,
}

/// Where computed rows go, and who watches.
pub struct Sink<'a> {
    pub writer: &'a mut RunWriter,
    pub tuner: &'a mut Tuner,
    pub journal: &'a mut Journal,
    pub progress: &'a Progress,
    /// Where decoders of large images wait for the writer to seal its part.
    pub gate: &'a Arc<Gate>,
}

/// One image to decode.
struct Ticket {
    batch: Arc<Mutex<Batch>>,
    slot: usize,
    row: u64,
}

/// A batch that a model can compute.
struct Fed<'a> {
    number: usize,
    rows: Range<u64>,
    segment: usize,
    broken: Vec<Broken>,
    input: Input,
    /// On cores: the model's turn, which begins here, so that decoders come to their end while the batch is fed.
    turn: Option<Turn<'a>>,
}

/// Rows to write.
struct Computed {
    number: usize,
    rows: Range<u64>,
    segment: usize,
    activations: Vec<Activation>,
    broken: Vec<Broken>,
}

/// Computes all segments and writes them, or those batches that come before a signal. Returns the rows written.
///
/// # Errors
/// The first cause, in the order of the rows: a broken image (unless they are skipped), the model, the disk. The rows
/// before it are in sealed parts.
pub fn run(work: &Work, replicas: &mut [Extractor], sink: Sink, signals: &Signals) -> Result<u64> {
    let (spare_in, spare) = bounded(work.batches);
    let (tickets_in, tickets) = bounded(work.batch);
    let (ordered_in, ordered) = bounded(0);
    let (computed_in, computed) = bounded(0); // the writer has one batch, the model the next
    let (begun_in, begun) = bounded(2 * replicas.len() + 1); // batches on their way from here to the disk
    let (going_on, over) = bounded(0);
    for _ in 0..work.batches {
        spare_in.send(vec![
            0;
            work.batch * work.images.item_bytes(work.preprocess)
        ])?;
    }
    let turns = Arc::new(Turns::default());
    let decoding = Decoding {
        images: work.images.clone(),
        preprocess: work.preprocess.clone(),
        watch: Watch::new(work.image_timeout),
        gate: sink.gate.clone(),
        turns: turns.clone(),
    };
    let takes_turns = replicas.len() == 1 && replicas[0].needs_cores();
    let turns = takes_turns.then_some(&*turns);
    let progress = sink.progress;
    let say = |line: &str| progress.say(line);
    let done = bounded(work.batches);
    let crew = Crew::start(decoding, work.workers, tickets, done, signals, &say)?;
    let crew = &crew;
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(work, &spare, &tickets_in, &over));
        let writing = scope.spawn(move || crew.guard(|| write(work, &computed, &begun, sink)));
        let (mut models, mut computing) = (Vec::new(), Vec::new());
        for replica in replicas {
            let (fed_in, fed) = bounded(0);
            let (inputs_in, inputs) = bounded(INPUTS);
            let feeder = replica.feeder();
            for _ in 0..INPUTS {
                let _ = inputs_in.send(feeder.input()?); // it has a place for each
            }
            let (ordered, spare) = (ordered.clone(), spare_in.clone());
            models.push(scope.spawn(move || {
                crew.guard(|| feed(&feeder, crew, turns, &ordered, &spare, &inputs, &fed_in))
            }));
            let computed = computed_in.clone();
            computing.push(move || {
                set_threads(work.threads);
                crew.guard(|| compute(replica, work.images, crew, &fed, &inputs_in, &computed))
            });
        }
        drop((ordered, spare_in, computed_in));
        let ordering = scope.spawn(move || {
            let _going_on = going_on;
            order(work, crew, &begun_in, &ordered_in)
        });
        // libtorch's threads belong to the thread that tried the model, this one: were there more, more than cores, all
        // would go to sleep at every barrier.
        let here = computing.pop();
        models.extend(computing.into_iter().map(|compute| scope.spawn(compute)));
        let computed_here = here.map(|compute| catch_unwind(AssertUnwindSafe(compute)));
        // A writer or a model that failed makes the others stop: its error is the cause.
        let rows = joined(writing, "the writer")??;
        models
            .into_iter()
            .try_for_each(|model| joined(model, "a model")?)?;
        computed_here.map_or(Ok(()), |ended| ended.map_err(|_| panicked("a model"))?)?;
        joined(ordering, "what orders the batches")??;
        joined(reader, "the reader")?;
        Ok(rows)
    })
}

fn joined<T>(thread: ScopedJoinHandle<T>, who: &str) -> Result<T> {
    thread.join().map_err(|_| panicked(who))
}

fn panicked(who: &str) -> anyhow::Error {
    anyhow!("{who} panicked; this is a bug in featx, please report it with the lines above")
}

/// Hands out the images of all batches, as batches' memory gets free, until it is over: decoders that all hang would
/// take no more of them.
fn read(
    work: &Work,
    spare: &Receiver<Vec<u8>>,
    tickets: &Sender<Ticket>,
    over: &Receiver<Infallible>,
) {
    for (number, (segment, rows)) in work.batches().enumerate() {
        let Ok(pixels) = spare.recv() else { return };
        let left = (rows.end - rows.start) as usize;
        let batch = Batch {
            number,
            rows: rows.clone(),
            segment,
            pixels,
            left,
            broken: Vec::new(),
            machine_fault: None,
        };
        let batch = Arc::new(Mutex::new(batch));
        for (slot, row) in rows.enumerate() {
            let batch = batch.clone();
            select! {
                send(tickets, Ticket { batch, slot, row }) -> sent => if sent.is_err() { return },
                recv(over) -> _ => return,
            }
        }
    }
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
        machine_fault: None,
    };
    std::mem::replace(&mut batch, nothing)
}
