// GPUs, reached through libtorch's device-neutral interfaces: featx is built without CUDA, and starts without it. A
// function that can fail returns null, or a message to be freed by featx_free_message; no exception leaves.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

extern "C" {

// Opens libtorch_cuda.so, once. If it cannot be opened, the message says what is missing. count: GPUs that answer.
char* featx_open_cuda(int* count);

// How GPUs compute: f32 in full unless tf32; the fastest kernels are searched for.
void featx_configure_cuda(bool tf32);

// Bytes on the host that a GPU can copy from by itself.
char* featx_pinned_bytes(int64_t count, at::Tensor** out);

// From now on this thread's work on the GPU runs at the same time as the work of others there.
char* featx_own_cuda_stream(int index);

// Waits until what this thread asked of the GPU is done.
char* featx_synchronize_cuda(int index);

}
