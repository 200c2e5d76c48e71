// What featx uses of libtorch that is no public interface: all of it. Another libtorch may have none of it, or mean
// something else by it; whoever moves to one looks here.
//
// - GOMP_parallel, omp_get_thread_num: of the OpenMP library that libtorch computes with, found by name. libtorch has no
//   call for work that is no tensor's on its own threads, and threads of another library would take their cores.
// - at::native::cpublas::brgemm: a header that libtorch installs, of a namespace that is its own. The public products of
//   matrices are of whole tensors, and slower for those of a tile.
#pragma once

#include <cstdint>

namespace featx {

// Whether libtorch has threads of OpenMP.
bool has_team();

// Calls part(data) on each of so many threads, the caller's among them, at once. Needs has_team.
void in_team(void (*part)(void*), void* data, unsigned threads);

// Of the thread that asks, in part, from 0 on.
int number_in_team();

// product (rows, columns) = left (rows, inner) times right (inner, columns); in product, stride floats from row to row.
void multiply(
    int64_t rows,
    int64_t columns,
    int64_t inner,
    const float* left,
    const float* right,
    float* product,
    int64_t stride);

} // namespace featx
