//! What the dispatcher's thread does.

use crate::pipeline::messages::{PixelBatch, Ticket};
use crate::pipeline::work::Work;
use crossbeam_channel::{Receiver, Sender, select};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// Hands out the images of all batches, each batch once there is memory for its pixels. It ends when their ordering has
/// ended, because decoders that all hang take no more tickets.
pub fn dispatch(
    work: &Work,
    spare: &Receiver<Vec<u8>>,
    tickets: &Sender<Ticket>,
    ordering_ended: &Receiver<Infallible>,
) {
    for batch in work.all_batches() {
        let Ok(pixels) = spare.recv() else { return };
        let rows = batch.rows.clone();
        let batch = PixelBatch {
            batch,
            pixels,
            left: (rows.end - rows.start) as usize,
            machine_fault: None,
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
