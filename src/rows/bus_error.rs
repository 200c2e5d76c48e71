//! A file that loses its bytes while it is mapped gives SIGBUS, not an error: another program truncates it, or the
//! disk under it goes away. Nothing can be saved then, but featx can say what happened.

use anyhow::{Context, Result};
use std::ffi::c_int;
use std::sync::OnceLock;

static MESSAGE: OnceLock<String> = OnceLock::new();

/// From now on SIGBUS prints these lines and ends the process with code 1, in place of a core dump.
///
/// # Errors
/// The system refuses.
pub fn explain_bus_errors(message: String) -> Result<()> {
    MESSAGE.get_or_init(|| message);
    // SAFETY: zeros are a valid `sigaction`, filled in below; `explain` has the signature that sa_flags without
    // SA_SIGINFO asks for, and calls nothing that is not async-signal-safe.
    let set = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = explain as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut())
    };
    (set == 0)
        .then_some(())
        .ok_or_else(std::io::Error::last_os_error)
        .context("cannot watch for SIGBUS")
}

/// Async-signal-safe: one atomic load, `write`, `_exit`.
extern "C" fn explain(_: c_int) {
    let message = MESSAGE.get().map_or("", String::as_str);
    // SAFETY: the message lives as long as the process, and is never changed once it is set.
    unsafe {
        libc::write(2, message.as_ptr().cast(), message.len());
        libc::_exit(1)
    }
}
