//! The whole extraction on one screen.
//!
//! `spare pixels → dispatcher → tickets → decoders → ready batches → in order → feeder → model → computed → writer → parts`
//!
//! There is a feeder and a model for each replica, and they take batches as they get free; the writer puts their rows
//! back into order. Memory is bounded by the shape: pixels go round from the feeders back to the dispatcher, and there are
//! [`Work::batches`] of them, and [`INPUTS`] inputs a model; the writer has one batch's activations while a model
//! computes the next, and no batch is begun that is too far ahead of it.

mod computing;
pub mod cost;
mod decoders;
mod decoding;
mod ordering;
pub mod stages;
mod stop;
mod turns;
mod watch;
mod writing;

use crate::images::Preprocess;
use crate::memory::{Gate, Tuner};
use crate::model::{Activation, Extractor, Feeder, Input, set_threads};
use crate::rows::row_type::RowType;
use crate::run::errors::Broken;
use crate::run::journal::Journal;
use crate::run::writer::{RunWriter, Segment};
use crate::signals::Signals;
use crate::sources::Images;
use crate::text::progress::Progress;
use anyhow::{Context, Result, anyhow};
use computing::{compute, feed};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use decoders::Decoders;
use decoding::Decoding;
pub use decoding::ORDINARY;
use ordering::order;
use stages::Stages;
use std::convert::Infallible;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;
use stop::Stop;
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
    /// So many of those are in memory as pixels: [`BATCHES`], more where lanes share a batch.
    pub batches: usize,
    /// libtorch's, of each lane.
    pub threads: usize,
    pub stored: RowType,
    pub skip_broken: bool,
    /// Decoder threads.
    pub workers: usize,
    /// An image that takes longer to read and decode is a broken one.
    pub image_timeout: Duration,
    /// How long they were busy.
    pub stages: &'a Arc<Stages>,
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

/// Pixels of consecutive images of one segment, or f32 values that are not preprocessed; shape (batch, height, width, channels).
#[derive(Default)]
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

/// A batch as the model takes it.
struct InputBatch<'a> {
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
    let stop = &Stop::new(signals);
    let progress = sink.progress;
    let say: &(dyn Fn(&str) + Sync) = &|line| progress.say(line);
    let turns = Arc::new(Turns::default());
    let takes_turns = replicas.len() == 1 && replicas[0].needs_cores();
    let common = Common {
        work,
        stop,
        say,
        turns: takes_turns.then_some(&*turns),
    };

    let (spare_in, spare) = spare_pixels(work)?;
    let (tickets_in, tickets) = bounded(work.batch);
    let (ordered_in, ordered) = bounded(0);
    let (computed_in, computed) = bounded(0); // the writer has one batch, the model the next
    let (under_way_in, under_way) = bounded(2 * replicas.len() + 1); // a place for each batch on its way to the disk
    let (ordering_runs, ordering_ended) = bounded::<Infallible>(0);

    let decoding = decoding(work, sink.gate, &turns);
    let completed = bounded(work.batches);
    let decoders = &Decoders::start(decoding, work.workers, tickets, completed, stop, say)?;
    thread::scope(|scope| {
        let threads = move || {
            let dispatcher = stage(scope, "dispatcher", move || {
                dispatch(work, &spare, &tickets_in, &ordering_ended);
                Ok(())
            })?;
            let writer = stage(scope, "writer", move || {
                stop.guard(|| write(work, &computed, &under_way, sink))
            })?;
            let (mut others, mut models) = (Vec::new(), Vec::new());
            for replica in replicas {
                let ends = (ordered.clone(), spare_in.clone(), computed_in.clone());
                let (feeder, model) = start_replica(scope, common, replica, ends)?;
                others.push(feeder);
                models.push(model);
            }
            drop((ordered, spare_in, computed_in));
            let orderer = stage(scope, "orderer", move || {
                let _ends_the_dispatcher = ordering_runs;
                order(work, decoders, stop, &under_way_in, &ordered_in)
            })?;
            // libtorch's threads belong to the thread that tried the model, this one: were there more, more than cores, all
            // would go to sleep at every barrier.
            let here = models.pop();
            for model in models {
                others.push(stage(scope, "model", model)?);
            }
            let ended_here = here.map(|model| catch_unwind(AssertUnwindSafe(model)));
            // A writer or a model that failed makes the others stop: its error is the cause.
            let rows = joined(writer)?;
            others.into_iter().try_for_each(joined)?;
            ended_here.map_or(Ok(()), |ended| ended.map_err(|_| panicked("a model"))?)?;
            joined(orderer)?;
            joined(dispatcher)?;
            Ok(rows)
        };
        stop.guard(threads)
    })
}

/// What all replicas share.
#[derive(Clone, Copy)]
struct Common<'a> {
    work: &'a Work<'a>,
    stop: &'a Stop<'a>,
    say: &'a (dyn Fn(&str) + Sync),
    /// Where a model takes turns with the decoders.
    turns: Option<&'a Turns>,
}

/// Starts a replica's feeder; what its model does is returned, for a thread of the caller's choice.
fn start_replica<'scope>(
    scope: &'scope Scope<'scope, '_>,
    common: Common<'scope>,
    replica: &'scope mut Extractor,
    (ordered, spare, computed): (Receiver<Batch>, Sender<Vec<u8>>, Sender<Computed>),
) -> Result<(
    ScopedJoinHandle<'scope, Result<()>>,
    impl FnOnce() -> Result<()> + Send + 'scope,
)> {
    let Common {
        work,
        stop,
        say,
        turns,
    } = common;
    let (ready_inputs_in, ready_inputs) = bounded(0);
    let feeder = replica.feeder();
    let (inputs_in, inputs) = spare_inputs(&feeder)?;
    let feeding = stage(scope, "feeder", move || {
        stop.guard(|| {
            feed(
                &feeder,
                stop,
                turns,
                &ordered,
                &spare,
                &inputs,
                &ready_inputs_in,
            )
        })
    })?;
    let model = move || {
        set_threads(work.threads);
        stop.guard(|| compute(replica, work, say, &ready_inputs, &inputs_in, &computed))
    };
    Ok((feeding, model))
}

/// Where buffers come back to, and where they are taken from.
type Spare<T> = (Sender<T>, Receiver<T>);

/// Pixels of so many batches.
fn spare_pixels(work: &Work) -> Result<Spare<Vec<u8>>> {
    let (spare_in, spare) = bounded(work.batches);
    let bytes = work.batch * work.images.item_bytes(work.preprocess);
    (0..work.batches).try_for_each(|_| spare_in.send(vec![0; bytes]))?;
    Ok((spare_in, spare))
}

/// A model's inputs.
fn spare_inputs(feeder: &Feeder) -> Result<Spare<Input>> {
    let (inputs_in, inputs) = bounded(INPUTS);
    for _ in 0..INPUTS {
        let _ = inputs_in.send(feeder.input()?); // it has a place for each
    }
    Ok((inputs_in, inputs))
}

fn decoding(work: &Work, gate: &Arc<Gate>, turns: &Arc<Turns>) -> Decoding {
    Decoding {
        images: work.images.clone(),
        preprocess: work.preprocess.clone(),
        watch: Watch::new(work.image_timeout),
        gate: gate.clone(),
        turns: turns.clone(),
        stages: work.stages.clone(),
    }
}

/// Starts a stage in a thread of its name.
fn stage<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<T>>> {
    let thread = thread::Builder::new().name(name.into());
    let started = thread.spawn_scoped(scope, work);
    started.with_context(|| format!("cannot start the {name}'s thread"))
}

/// What a stage ended with.
fn joined<T>(thread: ScopedJoinHandle<Result<T>>) -> Result<T> {
    let name = format!("the {}", thread.thread().name().unwrap_or_default());
    thread.join().map_err(|_| panicked(&name))?
}

fn panicked(who: &str) -> anyhow::Error {
    anyhow!("{who} panicked; this is a bug in featx, please report it with the lines above")
}

/// Hands out the images of all batches, as batches' memory gets free, until their ordering has ended: decoders that all
/// hang would take no more of them.
fn dispatch(
    work: &Work,
    spare: &Receiver<Vec<u8>>,
    tickets: &Sender<Ticket>,
    ordering_ended: &Receiver<Infallible>,
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
            ..Batch::default()
        };
        let batch = Arc::new(Mutex::new(batch));
        for (slot, row) in rows.enumerate() {
            let batch = batch.clone();
            select! {
                send(tickets, Ticket { batch, slot, row }) -> sent => if sent.is_err() { return },
                recv(ordering_ended) -> _ => return,
            }
        }
    }
}
