//! libtorch's own threads (`threads.h`).

use crate::memory::cores;
use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit};
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::Builder;

/// Bytes of a thread's stack where the system sets no limit.
const USUAL_STACK: u64 = 8 << 20;

unsafe extern "C" {
    fn featx_rest(wait: extern "C" fn(*mut c_void), context: *mut c_void);
    fn featx_explain_terminate();
    fn featx_libtorch_version() -> *const c_char;
}

/// Threads that one forward pass may use.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
}

/// Tries whether the system has room for libtorch's threads: starts the same number, side by side and with stacks of the
/// same size, and ends them again.
///
/// # Errors
/// There is no room for them: libtorch would wait for ever for a thread that could not be started.
pub fn ensure_threads(threads: usize) -> Result<()> {
    let threads = threads.max(cores());
    let stack = getrlimit(Resource::Stack).current.unwrap_or(USUAL_STACK);
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let mut started = Vec::new();
    let mut outcome = Ok(());
    for _ in 0..threads {
        let released = released.clone();
        let wait = move || {
            // An error: the sender is gone, which is what is waited for.
            let _ = released.lock().map(|released| released.recv());
        };
        let thread = Builder::new().name("trial".into());
        match thread.stack_size(stack as usize).spawn(wait) {
            Ok(thread) => started.push(thread),
            Err(error) => {
                outcome = Err(error).with_context(|| format!("cannot start {threads} threads"));
                break;
            }
        }
    }
    drop(release);
    for thread in started {
        let _ = thread.join();
    }
    outcome
}

/// From now on a C++ exception that nobody catches is an error line and exit code 1 (`terminate.cpp`).
pub fn explain_terminate() {
    // SAFETY: sets a function that lives as long as the process.
    unsafe { featx_explain_terminate() }
}

/// `2.11.0`
pub fn libtorch_version() -> String {
    // SAFETY: a constant of the C++ half (`version.cpp`), ended by a NUL.
    let version = unsafe { CStr::from_ptr(featx_libtorch_version()) };
    version.to_string_lossy().into_owned()
}

/// Calls `wait` while the threads that compute for this one sleep: they would spin for some milliseconds after each
/// computation, on cores that decoders can use.
pub fn rest_while(mut wait: impl FnMut()) {
    extern "C" fn call(context: *mut c_void) {
        // SAFETY: what is passed below, which nobody else uses until `featx_rest` returns.
        let wait = unsafe { &mut *context.cast::<&mut dyn FnMut()>() };
        wait();
    }
    let mut wait: &mut dyn FnMut() = &mut wait;
    // SAFETY: `call` runs once, on this thread, before this returns.
    unsafe { featx_rest(call, (&raw mut wait).cast()) }
}
