//! What cures an error that came of a limit on memory.

use crate::memory::limits::address_space;
use crate::memory::low_budget::LowBudget;
use crate::text::figures;
use anyhow::Error;

/// Memory ran out: libtorch, which has its errors as text alone, says it in any of these ways, and so does the system.
const SIGNS: [&str; 4] = [
    "bad_alloc",
    "can't allocate memory",
    "Cannot allocate memory",
    "Resource temporarily unavailable", // a thread's stack
];

/// What cures the error, whose text this is; none where memory has no part in it.
#[must_use]
pub fn cure(error: &Error, text: &str) -> Option<String> {
    let limit = address_space().map(figures::bytes);
    match limit {
        Some(limit) if error.is::<LowBudget>() => Some(format!(
            "; the address space is limited to {limit} (ulimit -v, h_vmem), and no budget goes beyond that"
        )),
        _ if !SIGNS.iter().any(|sign| text.contains(sign)) => None,
        Some(limit) => Some(format!(
            "; memory ran out: the address space is limited to {limit} (ulimit -v, h_vmem): raise that limit"
        )),
        None => Some("; memory ran out: give the job more, or lower --ram-budget".to_owned()),
    }
}
