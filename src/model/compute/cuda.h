// GPUs, reached through libtorch's device-neutral interfaces: featx is built without CUDA, and starts without it.
#pragma once

#include <ATen/core/Tensor.h>

namespace featx {

// Opens libtorch_cuda.so, once. Returns the number of GPUs that answer; throws with what is missing.
int open_cuda();

void configure_cuda(bool tf32);

// Memory on the host that a GPU can copy from by itself.
at::Tensor pinned_bytes(int64_t count);

// Gives the calling thread a stream of its own on a GPU, once.
void own_cuda_stream(int index);

// Waits for the calling thread's stream on a GPU.
void synchronize_cuda(int index);

} // namespace featx
