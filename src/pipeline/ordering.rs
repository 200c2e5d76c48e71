//! Puts the decoded batches back into their order, and ends the run where an image stops it.

use crate::pipeline::decoders::{Decoders, LOOK_EVERY};
use crate::pipeline::messages::PixelBatch;
use crate::pipeline::run_context::RunContext;
use crate::pipeline::stop::Stop;
use crate::pipeline::work::Work;
use crate::run::errors::Broken;
use anyhow::{Result, anyhow, bail};
use crossbeam_channel::{SendTimeoutError, Sender};
use std::collections::BTreeMap;

/// Hands on the batches in their order, until a signal comes or a later stage fails. `under_way` has a place for each
/// batch that may be on its way to the disk.
///
/// # Errors
/// A broken image, unless they are skipped. The rows before it are handed on.
pub fn order(
    RunContext { work, stop, .. }: RunContext,
    decoders: &Decoders,
    under_way: &Sender<()>,
    ordered: &Sender<PixelBatch>,
) -> Result<()> {
    let mut early = BTreeMap::new();
    for number in 0..work.all_batches().count() {
        while !early.contains_key(&number) {
            let Some(pixels) = decoders.next()? else {
                return Ok(());
            };
            early.insert(pixels.batch.number, pixels);
        }
        let Some(mut pixels) = early.remove(&number) else {
            return Ok(());
        };
        let failure = failure(work, &mut pixels);
        if !pixels.batch.rows.is_empty() {
            let handed_on = wait_for_place(stop, under_way) && ordered.send(pixels).is_ok();
            if !handed_on {
                return Ok(()); // the run is over, or a later stage failed and says why
            }
        }
        if let Some(failure) = failure {
            bail!(failure);
        }
    }
    Ok(())
}

/// False where the run is over before there is a place.
fn wait_for_place(stop: &Stop, under_way: &Sender<()>) -> bool {
    while !stop.is_over() {
        match under_way.send_timeout((), LOOK_EVERY) {
            Ok(()) => return true,
            Err(SendTimeoutError::Timeout(())) => {}
            Err(SendTimeoutError::Disconnected(())) => return false,
        }
    }
    false
}

/// Why the run stops with this batch, if it does; the batch is then cut before the image that is the cause.
fn failure(work: &Work, pixels: &mut PixelBatch) -> Option<anyhow::Error> {
    let PixelBatch {
        batch,
        machine_fault,
        ..
    } = pixels;
    batch.broken.sort_by_key(|broken| broken.row);
    let stops = |broken: &Broken| !work.skip_broken || *machine_fault == Some(broken.row);
    let at = batch.broken.iter().position(stops)?;
    let Broken { row, path, reason } = batch.broken.split_off(at).swap_remove(0);
    batch.rows.end = row;
    let cure = match machine_fault {
        Some(fault) if *fault == row => {
            "the image is not at fault; fix the cause and run the same command again, it resumes"
        }
        _ => "remove or repair it, or pass --on-error skip",
    };
    Some(anyhow!("image '{path}' {reason}; {cure}"))
}
