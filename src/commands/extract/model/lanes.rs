//! How many lanes compute a batch side by side.
//!
//! A forward pass on several cores waits, after each of its operations, for the slowest of them, and a decoder that takes
//! a core for a moment makes it slow. A lane with one core waits for nobody. So a long run on the CPU splits each batch:
//! every lane computes a share of the images with a share of the threads. The number of images in memory is the same as without lanes.

use crate::cli::choices::Device;
use crate::commands::extract::model::form;
use crate::commands::extract::planning::plan::Plan;
use crate::job::Job;
use crate::model::{self, Extractor};
use anyhow::Result;

/// The fewest images of a lane: with fewer, the fixed cost of a forward pass shows.
const LEAST: u64 = 4;

/// What computes a batch: lanes side by side, and the threads of each.
#[derive(Clone, Copy)]
pub struct Lanes {
    pub count: usize,
    pub threads_each: usize,
}

impl Lanes {
    /// Chooses the lanes, and the form of the graph, which is tried with a lane's share of the batch and of the threads.
    ///
    /// # Errors
    /// A form that cannot be tried.
    pub fn settle(job: &Job, plan: &mut Plan, extractor: &mut Extractor) -> Result<Self> {
        let is_long = extractor.pays_to_choose_form(plan.run.images);
        let count = number(job, plan.run.batch_size, is_long);
        let threads_each = job.threads_per_lane(count);
        extractor.divide_batch(count);
        model::set_threads(threads_each);
        if is_long {
            form::choose(job, plan, extractor)?;
        }
        Ok(Self {
            count,
            threads_each,
        })
    }
}

/// How many lanes share each batch. More than one only if the CPU is the only device, the run is long, and the user left it
/// open.
fn number(job: &Job, batch: u64, is_long: bool) -> usize {
    match job.may_divide && is_long && job.devices == [Device::Cpu] {
        true => most(job.threads, batch),
        false => 1,
    }
}

/// The most lanes that share threads and batch evenly.
fn most(threads: usize, batch: u64) -> usize {
    let is_even =
        |lanes: &usize| threads.is_multiple_of(*lanes) && batch.is_multiple_of(*lanes as u64);
    let most = (batch / LEAST).max(1) as usize;
    (1..=most.min(threads)).rev().find(is_even).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_share_evenly_and_have_four_images_each() {
        let cases = [
            (2, 8, 2),
            (2, 7, 1),
            (1, 4, 1),
            (3, 12, 3),
            (8, 32, 8),
            (12, 32, 4),
            (16, 32, 8),
            (64, 32, 8),
            (5, 20, 5),
            (2, 1, 1),
        ];
        for (threads, batch, lanes) in cases {
            assert_eq!(
                most(threads, batch),
                lanes,
                "{threads} threads, batches of {batch}"
            );
        }
    }
}
