//! What a decoder's thread does.

use crate::images::{ImageError, Preprocess, Preprocessor};
use crate::memory::{DECODER, Gate};
use crate::pipeline::stages::Stages;
use crate::pipeline::turns::Turns;
use crate::pipeline::watch::Watch;
use crate::pipeline::{Batch, Ticket};
use crate::run::busy::Stage;
use crate::run::errors::Broken;
use crate::sources::{Images, RowReader, quoted};
use crossbeam_channel::{Receiver, Sender};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where files take so long to read, the disk is what counts, and decoders that pause would not read.
const SLOW: Duration = Duration::from_millis(1);

/// Bytes of an image that is decoded without asking: with its file and the rows on their way to its crop, it stays
/// within [`DECODER`].
pub const ORDINARY: u64 = DECODER / 2;

/// What the decoders share.
pub struct Decoding {
    pub images: Arc<Images>,
    pub preprocess: Preprocess,
    pub watch: Watch<Ticket>,
    pub gate: Arc<Gate>,
    pub turns: Arc<Turns>,
    pub stages: Arc<Stages>,
}

/// Decodes images until there are no more; who decodes a batch's last one passes the batch on.
pub fn decode(decoding: &Decoding, tickets: &Receiver<Ticket>, ready: &Sender<Arc<Mutex<Batch>>>) {
    let mut decoder = Decoder::new(decoding);
    let mut image = vec![0; decoding.images.item_bytes(&decoding.preprocess)];
    for ticket in tickets {
        let row = ticket.row;
        let number = decoding.watch.begin(ticket);
        let loaded = decoder.load(decoding, row, &mut image);
        // Asked here, by a thread that may hang: the source may be on a dead mount.
        let is_fault =
            |error: &ImageError| error.is_the_machines(|| decoding.images.are_there(row));
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

/// What a thread reads and decodes with.
struct Decoder {
    reader: RowReader,
    preprocessor: Preprocessor,
    /// The item that was read last.
    bytes: Vec<u8>,
}

impl Decoder {
    fn new(decoding: &Decoding) -> Self {
        Self {
            reader: RowReader::new(&decoding.images),
            preprocessor: Preprocessor::new(&decoding.preprocess),
            bytes: Vec::new(),
        }
    }

    /// Reads and decodes the image of a row; one that is larger than a decoder's usual memory asks for more first, and
    /// gives it back.
    fn load(&mut self, decoding: &Decoding, row: u64, image: &mut [u8]) -> Result<(), ImageError> {
        self.preprocessor.set_limit(Some(ORDINARY));
        let began = Instant::now();
        let item = self.reader.read(row, &mut self.bytes);
        let took = began.elapsed();
        decoding.stages.add(Stage::Read, took);
        let item = item?;
        if took < SLOW {
            decoding.turns.wait();
        }
        let mut decode = |decoder: &mut Self| {
            let decode = || item.decode(&decoder.bytes, &mut decoder.preprocessor, image);
            decoding.stages.time(Stage::Decode, decode)
        };
        let loaded = decode(self);
        let Err(ImageError::AboveLimit {
            width,
            height,
            bytes,
        }) = loaded
        else {
            return loaded;
        };
        let beyond_budget = |needed| ImageError::BeyondBudget {
            width,
            height,
            bytes,
            budget: decoding.gate.budget(),
            needed,
        };
        let _pass = decoding.gate.enter(bytes).map_err(beyond_budget)?;
        self.preprocessor.set_limit(None);
        let loaded = decode(self);
        self.preprocessor.shrink();
        self.bytes = Vec::new();
        loaded
    }
}

/// Puts an image, or why there is none and whether that is the machine's fault, into its batch; returns the batch when
/// this was its last one.
pub fn settle(
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
                path: quoted(decoding.images.name(row).as_os_str().as_bytes()).into_owned(),
                reason: error.to_string(),
            });
        }
    }
    batch.left -= 1;
    let is_complete = batch.left == 0;
    drop(batch);
    is_complete.then_some(shared)
}
