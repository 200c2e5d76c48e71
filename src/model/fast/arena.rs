//! Memory of libtorch's CPU tensors (`arena.h`), made safe.

unsafe extern "C" {
    fn featx_install_arena();
    fn featx_trim_arena();
    fn featx_arena_extent() -> usize;
}

/// Lets libtorch keep the memory of its tensors and use it again. Called before any is made.
pub fn install_arena() {
    // SAFETY: sets libtorch's allocator; nothing has been allocated from another one that it would have to free.
    unsafe { featx_install_arena() }
}

/// Gives memory that libtorch keeps and does not use back to the kernel.
pub fn trim_arena() {
    // SAFETY: may be called at any time from any thread.
    unsafe { featx_trim_arena() }
}

/// Bytes of address space between the first and the last tensor since the last trim.
pub fn arena_extent() -> u64 {
    // SAFETY: may be called at any time from any thread.
    unsafe { featx_arena_extent() as u64 }
}
