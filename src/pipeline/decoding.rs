//! What a decoder's thread does.

use crate::images::ImageError;
use crate::pipeline::decoder::Decoder;
use crate::pipeline::decoder_context::DecoderContext;
use crate::pipeline::messages::{SharedBatch, Ticket};
use crate::run::errors::Broken;
use crate::sources::quoted;
use crossbeam_channel::{Receiver, Sender};
use std::os::unix::ffi::OsStrExt;
use std::sync::PoisonError;

/// Why there is no image.
pub struct LoadFailure {
    pub error: ImageError,
    /// The machine's fault, not the image's.
    pub is_machine_fault: bool,
}

/// Decodes images until there are no more. The thread that decodes a batch's last image passes the batch on.
pub fn decode(context: &DecoderContext, tickets: &Receiver<Ticket>, ready: &Sender<SharedBatch>) {
    let mut decoder = Decoder::new(context);
    let mut image = vec![0; context.images.item_bytes(&context.preprocess)];
    for ticket in tickets {
        let row = ticket.row;
        let number = context.watch.begin(ticket);
        let loaded = decoder.load(row, &mut image);
        let loaded = loaded.map_err(|error| LoadFailure {
            // Asked here, by a thread that may hang: the source may be on a dead mount.
            is_machine_fault: error.is_the_machines(|| context.images.are_there(row)),
            error,
        });
        let Some(ticket) = context.watch.end(number) else {
            return; // it took too long: another thread is in this one's place
        };
        let complete = settle(context, ticket, loaded.map(|()| &image[..]));
        if complete.is_some_and(|batch| ready.send(batch).is_err()) {
            return;
        }
    }
}

/// Puts an image, or why there is none, into its batch; returns the batch when this was its last one.
pub fn settle(
    context: &DecoderContext,
    Ticket {
        batch: shared,
        slot,
        row,
    }: Ticket,
    loaded: Result<&[u8], LoadFailure>,
) -> Option<SharedBatch> {
    let mut filled = shared.lock().unwrap_or_else(PoisonError::into_inner);
    match loaded {
        Ok(image) => filled.pixels[slot * image.len()..][..image.len()].copy_from_slice(image),
        Err(failure) => {
            if failure.is_machine_fault {
                filled.machine_fault =
                    Some(filled.machine_fault.map_or(row, |other| other.min(row)));
            }
            filled.batch.broken.push(Broken {
                row,
                path: quoted(context.images.name(row).as_os_str().as_bytes()).into_owned(),
                reason: failure.error.to_string(),
            });
        }
    }
    filled.left -= 1;
    let is_complete = filled.left == 0;
    drop(filled);
    is_complete.then_some(shared)
}
