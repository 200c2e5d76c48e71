// Memory for libtorch's large CPU tensors. A network frees and takes the same sizes at every batch. From the kernel, each
// time costs a page fault for every 4 KiB; in glibc's heap, holes would grow. Here freed memory stays and is joined with
// free neighbours, and the best fit is taken, so that a run comes to a size and keeps it.
#pragma once

#include <cstddef>

extern "C" {

// Makes libtorch take its memory from here from now on. To be called before any tensor is made. If the kernel gives no
// address space, libtorch keeps its own allocator.
void featx_install_arena();

// Gives the pages of free memory back to the kernel.
void featx_trim_arena();

// Bytes of address space between the first and the last tensor since the last trim.
size_t featx_arena_extent();

}
