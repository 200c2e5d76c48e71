//! The error of a RAM budget that does not suffice.

use crate::text::figures;

/// A budget under the floor.
#[derive(Debug, thiserror::Error)]
#[error(
    "--ram-budget {} is under the floor of {} for batches of {batch}; {cure}",
    figures::bytes(*budget),
    figures::bytes(*floor)
)]
pub struct LowBudget {
    /// Bytes.
    pub budget: u64,
    /// Bytes that the run takes at least.
    pub floor: u64,
    pub batch: u64,
    /// What lowers the floor.
    pub cure: &'static str,
}
