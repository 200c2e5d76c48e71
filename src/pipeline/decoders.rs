//! The decoders' threads, and the batches that they complete.
//!
//! They are not joined: one that hangs would hold up the end of the run. What they use they own or share.

use crate::images::ImageError;
use crate::pipeline::decoding::{Decoding, decode, settle};
use crate::pipeline::stop::Stop;
use crate::pipeline::{Batch, Ticket, panicked};
use crate::text::figures;
use anyhow::{Context, Result, ensure};
use crossbeam_channel::{Receiver, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a signal or a decoder that hangs may stay unseen.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A batch that several decoders fill.
type Shared = Arc<Mutex<Batch>>;

pub struct Decoders<'a> {
    decoding: Arc<Decoding>,
    tickets: Receiver<Ticket>,
    done: Sender<Shared>,
    ready: Receiver<Shared>,
    stop: &'a Stop<'a>,
    say: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Decoders<'a> {
    /// Starts `workers` threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        decoding: Decoding,
        workers: usize,
        tickets: Receiver<Ticket>,
        (done, ready): (Sender<Shared>, Receiver<Shared>),
        stop: &'a Stop<'a>,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self> {
        let decoders = Self {
            decoding: Arc::new(decoding),
            tickets,
            done,
            ready,
            stop,
            say,
        };
        (0..workers).try_for_each(|_| decoders.add_thread())?;
        Ok(decoders)
    }

    /// The next batch that is complete, whichever it is; none when the run is over.
    ///
    /// # Errors
    /// A thread that panicked.
    pub fn next(&self) -> Result<Option<Batch>> {
        while !self.stop.is_over() {
            if let Ok(shared) = self.ready.recv_timeout(LOOK_EVERY) {
                return Ok(Some(take(&shared)));
            }
            self.look_after()?;
        }
        Ok(None)
    }

    /// Names images that take long; fails those that take too long, and replaces their threads.
    fn look_after(&self) -> Result<()> {
        let watch = &self.decoding.watch;
        ensure!(!watch.panicked(), panicked("a decoder"));
        let late = watch.look(|ticket| ticket.row);
        for (row, time) in late.named {
            let (image, time) = (
                self.decoding.images.name(row).display(),
                figures::duration(time),
            );
            (self.say)(&format!(
                "image '{image}' has not been read for {time}; waiting"
            ));
        }
        for ticket in late.given_up {
            self.add_thread()?;
            let reason = ImageError::TooSlow(watch.limit());
            if let Some(batch) = settle(&self.decoding, ticket, Err((false, reason))) {
                self.done.send(batch)?;
            }
        }
        Ok(())
    }

    fn add_thread(&self) -> Result<()> {
        let (decoding, tickets, done) = (
            self.decoding.clone(),
            self.tickets.clone(),
            self.done.clone(),
        );
        let work = move || {
            let decode = AssertUnwindSafe(|| decode(&decoding, &tickets, &done));
            if catch_unwind(decode).is_err() {
                decoding.watch.panic();
            }
        };
        let thread = thread::Builder::new().name("decoder".into()).spawn(work);
        thread.map(drop).context("cannot start a decoder thread")
    }
}

/// The batch, from the decoder that completed it.
fn take(shared: &Mutex<Batch>) -> Batch {
    std::mem::take(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}
