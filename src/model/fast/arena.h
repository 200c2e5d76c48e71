// Memory for libtorch's large CPU tensors. A network frees and takes the same sizes at every batch: from the kernel,
// each time, that is a page fault for every 4 KiB; from glibc's heap it is holes that grow. Here freed memory stays, is
// joined with its neighbours, and the best fit is taken, so that a run comes to a size and keeps it.
#pragma once

#include <cstddef>

extern "C" {

// Has libtorch take its memory from here from now on. To be called before any tensor is made. Where the kernel gives no
// address space, libtorch's own allocator stays.
void featx_install_arena();

// Gives the pages of free memory back to the kernel.
void featx_trim_arena();

// Bytes of address space between the first and the last tensor since the last trim.
size_t featx_arena_extent();

}
