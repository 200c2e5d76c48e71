//! How many lanes compute a batch side by side.
//!
//! A forward pass on several cores waits, after each of its operations, for the slowest of them, and a decoder that takes
//! a core for a moment makes it slow. A lane with one core waits for nobody. So a long run on the CPU splits each batch:
//! every lane computes a share of the images with a share of the threads. As many images are in memory as without lanes.

use crate::cli::choices::Device;
use crate::job::Job;

/// Images of a lane at least: with fewer, what a forward pass costs besides its images is seen.
const LEAST: u64 = 4;

/// Lanes that share each batch: more than one on a CPU that is alone, where the run is long and the user left it open.
pub fn lanes(job: &Job, batch: u64, is_long: bool) -> usize {
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
