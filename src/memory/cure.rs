//! What cures an error that came of a limit on memory.

use crate::memory::limits::address_space;
use crate::memory::low_budget::LowBudget;
use crate::text::figures;
use anyhow::Error;

/// The ways in which an error says that memory ran out. They are looked for in its text, because libtorch's errors are text
/// alone.
const SIGNS: [&str; 4] = [
    "bad_alloc",
    "can't allocate memory",
    "Cannot allocate memory",
    "Resource temporarily unavailable", // a thread's stack
];

/// The cure for an error with this text. `None` if memory has no part in it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn only_memory_that_ran_out_is_cured() {
        let cured = |text: &str| cure(&anyhow!("{text}"), text).is_some();
        assert!(cured("'model.pt': std::bad_alloc"));
        assert!(cured(
            "cannot start a decoder thread: Resource temporarily unavailable (os error 11)"
        ));
        assert!(!cured(
            "cannot write 'out': No space left on device (os error 28)"
        ));
    }
}
