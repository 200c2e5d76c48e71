//! Memory that runs out where no error can be returned: a line and exit code 1, in place of a core dump.

use std::alloc::{GlobalAlloc, Layout, System};

const MESSAGE: &[u8] = b"error: memory ran out; raise the limit on address space (ulimit -v, h_vmem) or give the job \
more memory, or lower --ram-budget; sealed parts are whole, and the same command goes on after them\n";

/// The system's allocator. Rust aborts where it has no memory left; this says so, and exits.
pub struct ExplainingAllocator;

// SAFETY: every call is the system allocator's, whose contract is this one's; what it refuses is never handed on.
unsafe impl GlobalAlloc for ExplainingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_exit(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_exit(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_exit(unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn or_exit(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        say_and_exit();
    }
    memory
}

/// Takes no memory.
#[cold]
fn say_and_exit() -> ! {
    // SAFETY: the message is a constant; nothing of Rust's runs after `_exit`.
    unsafe {
        libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::_exit(1)
    }
}
