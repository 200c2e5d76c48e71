//! The whole extraction on one screen.
//!
//! `spare batches → reader → tickets → decoders → ready batches → model → computed rows → writer → parts`
//!
//! Memory is bounded by the shape: a batch's memory goes round from the model back to the reader, and there are
//! [`BATCHES`] of it; the writer has one batch's activations while the model computes the next.

mod crew;
mod watch;

use crate::images::{ImageError, Images, Preprocess, Preprocessor};
use crate::memory::Tuner;
use crate::model::{Activation, Extractor, Stored};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::store::errors::Broken;
use crate::store::journal::Journal;
use crate::store::run_writer::{RunWriter, Segment};
use anyhow::{Result, anyhow, bail};
use crew::Crew;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use watch::Watch;

/// Batches of pixels in memory: one that is computed, one that waits, one or two that are filled.
pub const BATCHES: usize = 3;

/// What to compute, and how.
#[derive(Debug)]
pub struct Work<'a> {
    pub images: &'a Arc<Images>,
    pub segments: &'a [Segment],
    pub preprocess: &'a Preprocess,
    /// Images a forward pass.
    pub batch: usize,
    pub stored: Stored,
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

/// Pixels of consecutive images of one segment; shape (batch, height, width, 3).
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
}

/// One image to decode.
struct Ticket {
    batch: Arc<Mutex<Batch>>,
    slot: usize,
    row: u64,
}

/// What the decoders share.
struct Decoding {
    images: Arc<Images>,
    preprocess: Preprocess,
    watch: Watch<Ticket>,
}

/// Rows to write.
struct Computed {
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
pub fn run(work: &Work, extractor: &mut Extractor, sink: Sink, signals: &Signals) -> Result<u64> {
    let (spare_in, spare) = bounded(BATCHES);
    let (tickets_in, tickets) = bounded(work.batch);
    let (computed_in, computed) = bounded(0); // the writer has one batch, the model the next
    let (going_on, over) = bounded(0);
    for _ in 0..BATCHES {
        spare_in.send(vec![0; work.batch * work.preprocess.image_bytes()])?;
    }
    let decoding = Decoding {
        images: work.images.clone(),
        preprocess: work.preprocess.clone(),
        watch: Watch::new(work.image_timeout),
    };
    let progress = sink.progress;
    let say = |line: &str| progress.say(line);
    let crew = Crew::start(
        decoding,
        work.workers,
        tickets,
        bounded(BATCHES),
        signals,
        &say,
    )?;
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(work, &spare, &tickets_in, &over));
        let writing = scope.spawn(move || write(work, &computed, sink));
        let computing = compute(work, extractor, &crew, spare_in, computed_in);
        drop(going_on);
        // A writer that failed makes computing stop: its error is the cause.
        let rows = writing.join().map_err(|_| panicked("the writer"))??;
        computing?;
        reader.join().map_err(|_| panicked("the reader"))?;
        Ok(rows)
    })
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

/// Decodes images until there are no more; who decodes a batch's last one passes the batch on.
fn decode(decoding: &Decoding, tickets: &Receiver<Ticket>, ready: &Sender<Arc<Mutex<Batch>>>) {
    let mut preprocessor = Preprocessor::new(&decoding.preprocess);
    let mut image = vec![0; decoding.preprocess.image_bytes()];
    for ticket in tickets {
        let path = decoding.images.path(ticket.row);
        let number = decoding.watch.begin(ticket);
        let loaded = preprocessor.load_into(&path, &mut image);
        // Asked here, by a thread that may hang: the folder may be on a dead mount.
        let is_fault = |error: &ImageError| error.is_the_machines(|| decoding.images.are_there());
        let loaded = loaded.map_err(|error| (is_fault(&error), error));
        let Some(ticket) = decoding.watch.end(number) else {
            return; // it took too long: another thread is in this one's place
        };
        let complete = settle(decoding, ticket, loaded.map(|()| &image[..]));
        if complete.is_some_and(|batch| ready.send(batch).is_err()) {
            return;
        }
    }
}

/// Puts an image, or why there is none and whether that is the machine's fault, into its batch; returns the batch when
/// this was its last one.
fn settle(
    decoding: &Decoding,
    Ticket {
        batch: shared,
        slot,
        row,
    }: Ticket,
    loaded: Result<&[u8], (bool, ImageError)>,
) -> Option<Arc<Mutex<Batch>>> {
    let mut batch = shared.lock().unwrap_or_else(PoisonError::into_inner);
    match loaded {
        Ok(image) => batch.pixels[slot * image.len()..][..image.len()].copy_from_slice(image),
        Err((is_fault, error)) => {
            if is_fault {
                batch.machine_fault = Some(batch.machine_fault.map_or(row, |other| other.min(row)));
            }
            batch.broken.push(Broken {
                row,
                path: decoding.images.name(row).display().to_string(),
                reason: error.to_string(),
            });
        }
    }
    batch.left -= 1;
    let is_complete = batch.left == 0;
    drop(batch);
    is_complete.then_some(shared)
}

/// Computes the batches in their order, until a signal comes.
fn compute(
    work: &Work,
    extractor: &mut Extractor,
    crew: &Crew,
    spare: Sender<Vec<u8>>,
    computed: Sender<Computed>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    for number in 0..work.batches().count() {
        while !early.contains_key(&number) {
            let Some(batch) = crew.next()? else {
                return Ok(());
            };
            early.insert(batch.number, batch);
        }
        let Some(mut batch) = early.remove(&number).filter(|_| !crew.is_over()) else {
            return Ok(());
        };
        let failure = failure(work, &mut batch);
        if !batch.rows.is_empty() {
            let message = Computed {
                activations: extractor.forward(&batch.pixels)?,
                rows: batch.rows,
                segment: batch.segment,
                broken: batch.broken,
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
    Ok(())
}

/// Why the run stops with this batch, if it does; the batch is then cut before the image that is the cause.
fn failure(work: &Work, batch: &mut Batch) -> Option<anyhow::Error> {
    batch.broken.sort_by_key(|broken| broken.row);
    let stops = |broken: &Broken| !work.skip_broken || batch.machine_fault == Some(broken.row);
    let at = batch.broken.iter().position(stops)?;
    let Broken { row, path, reason } = batch.broken.split_off(at).swap_remove(0);
    batch.rows.end = row;
    let cure = match batch.machine_fault {
        Some(fault) if fault == row => {
            "this is no fault of the image's; the same command goes on once it is mended"
        }
        _ => "remove or mend it, or pass --on-error skip",
    };
    Some(anyhow!("image '{path}' {reason}; {cure}"))
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

/// Writes computed rows into parts; seals the last one with what it has when no more come, and when something fails.
/// Returns how many there were.
fn write(work: &Work, computed: &Receiver<Computed>, mut sink: Sink) -> Result<u64> {
    let mut rows = 0;
    let written = computed
        .iter()
        .try_for_each(|message| write_batch(work, message, &mut sink).map(|count| rows += count));
    // Rows that are written have their blocks: they can be kept even where the disk is full.
    let sealed = sink.writer.seal();
    written.and(sealed).map(|()| rows)
}

/// Writes one batch's rows into parts as large as the tuner says. Returns how many there were.
fn write_batch(work: &Work, message: Computed, sink: &mut Sink) -> Result<u64> {
    let Sink {
        writer,
        tuner,
        journal,
        progress,
    } = sink;
    let Computed {
        rows,
        segment,
        activations,
        broken,
    } = message;
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
    Ok(count)
}
