//! The decoders' threads, and the batches that they complete.
//!
//! They are not joined: one that hangs would hold up the end of the run. So they own what they use, alone or together.

use crate::images::ImageError;
use crate::pipeline::decoder_context::DecoderContext;
use crate::pipeline::decoding::{LoadFailure, decode, settle};
use crate::pipeline::messages::{PixelBatch, SharedBatch, Ticket};
use crate::pipeline::run_context::RunContext;
use crate::pipeline::stop::panicked;
use crate::text::figures;
use anyhow::{Context, Result, ensure};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long it may take until a signal, or a decoder that hangs, is seen.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Decoders<'a> {
    run: RunContext<'a>,
    shared: Arc<DecoderContext>,
    tickets: Receiver<Ticket>,
    done: Sender<SharedBatch>,
    ready: Receiver<SharedBatch>,
}

impl<'a> Decoders<'a> {
    /// Starts `workers` threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        run: RunContext<'a>,
        shared: DecoderContext,
        tickets: Receiver<Ticket>,
    ) -> Result<Self> {
        let (done, ready) = bounded(run.work.batches);
        let decoders = Self {
            run,
            shared: Arc::new(shared),
            tickets,
            done,
            ready,
        };
        (0..run.work.workers).try_for_each(|_| decoders.add_thread())?;
        Ok(decoders)
    }

    /// The batch that is complete next, in no order. `None` when the run is over.
    ///
    /// # Errors
    /// A thread that panicked.
    pub fn next(&self) -> Result<Option<PixelBatch>> {
        while !self.run.stop.is_over() {
            if let Ok(batch) = self.ready.recv_timeout(LOOK_EVERY) {
                return Ok(Some(take(&batch)));
            }
            self.look_after()?;
        }
        Ok(None)
    }

    /// Names images that take long; fails those that take too long, and replaces their threads.
    fn look_after(&self) -> Result<()> {
        let watch = &self.shared.watch;
        ensure!(!watch.saw_panic(), panicked("a decoder"));
        let late = watch.look(|ticket| ticket.row);
        for (row, time) in late.named {
            let image = self.shared.images.name(row).display();
            let time = figures::duration(time);
            (self.run.say)(&format!(
                "image '{image}' has not been read for {time}; waiting"
            ));
        }
        for ticket in late.given_up {
            self.add_thread()?;
            let failure = LoadFailure {
                error: ImageError::TooSlow(watch.limit()),
                is_machine_fault: false,
            };
            if let Some(batch) = settle(&self.shared, ticket, Err(failure)) {
                self.done.send(batch)?;
            }
        }
        Ok(())
    }

    fn add_thread(&self) -> Result<()> {
        let shared = self.shared.clone();
        let (tickets, done) = (self.tickets.clone(), self.done.clone());
        let work = move || {
            let decode = AssertUnwindSafe(|| decode(&shared, &tickets, &done));
            if catch_unwind(decode).is_err() {
                shared.watch.note_panic();
            }
        };
        let thread = thread::Builder::new().name("decoder".into()).spawn(work);
        thread.map(drop).context("cannot start a decoder thread")
    }
}

/// The batch, from the decoder that completed it.
fn take(batch: &Mutex<PixelBatch>) -> PixelBatch {
    std::mem::take(&mut batch.lock().unwrap_or_else(PoisonError::into_inner))
}
