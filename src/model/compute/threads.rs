//! libtorch's own threads (`threads.h`).

use std::ffi::{CStr, c_char, c_void};

unsafe extern "C" {
    fn featx_rest(wait: extern "C" fn(*mut c_void), context: *mut c_void);
    fn featx_explain_terminate();
    fn featx_libtorch_version() -> *const c_char;
}

/// Threads that one forward pass may use.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
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
