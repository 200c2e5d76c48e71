// The whole list of what featx uses that is not a public interface of libtorch, OpenMP or glibc. Another libtorch may
// lack it, or mean something else by it: read this list before moving to one.
//
// In this file, and nowhere else:
// - GOMP_parallel, omp_get_thread_num: of the OpenMP library that libtorch computes with, found by name. libtorch has no
//   call that runs other work than a tensor's on its threads, and threads of another library would take their cores.
// - at::native::cpublas::brgemm: its header is installed, but its namespace is libtorch's own. The public matrix products
//   are of whole tensors, and slower for those of a tile.
//
// In the files whose subject it is:
// - torch/csrc/jit: TorchScript's graphs, passes and interpreter. libtorch installs their headers, but promises nothing
//   about them. load/, fast/ and ffi/module.cpp are made of them: no public call cuts a graph, or freezes or runs a cut
//   one. Least usual: unsafeRemoveMethod (load/layers.cpp); Unpickler (load/saved.cpp); ProfileIValueOp,
//   tensorTypeInCurrentExecutionContext (fast/forms.cpp); SubgraphUtils, fuser::onednn::fuseGraph and the name of the node
//   that it makes (fast/fusion.cpp).
// - mkldnn::_convolution_pointwise, mkldnn::_linear_pointwise, mkldnn::_reorder_*_weight, prim::ConstantMKLDNNTensor
//   (fast/pointwise.cpp): what torch.compile calls. No public operator takes weights packed for oneDNN.
// - c10::StorageImpl, set_data_ptr_noswap above all (ffi/module.cpp, load/program.cpp): weights are freed while
//   something still refers to them, and made before their bytes are read. set_wrapped_number (load/program.cpp).
// - c10::Dispatcher (load/program.cpp, fast/pointwise.cpp): operators by name, called with values on a stack.
// - caffe2::serialize::ReadAdapterInterface, and that libtorch reads a record by one call (load/archive.cpp).
// - c10::SetCPUAllocator, reportMemoryUsageToProfiler (fast/arena.cpp), MemoryReportingInfoBase and the DebugInfoGuard
//   that installs it (ffi/module.cpp): memory, and how much of it a forward pass takes.
// - c10::impl::VirtualGuardImpl, at::detail::getCUDAHooks (runtime/cuda.cpp): GPUs, for a program built without CUDA.
// - the section .preinit_array (runtime/terminate.cpp): before libtorch's static objects are made.
// - names of libraries (runtime/cuda.cpp, load/torchvision.cpp), which may be absent and are opened when they are needed.
// - words of messages: of memory that ran out (compute/engine.rs, compute/input_error.rs), of operators of torchvision
//   (load/torchscript.rs), of what a script raised (runtime/message.rs). libtorch has no codes for them.
#pragma once

#include <cstdint>

namespace featx {

// Whether libtorch has threads of OpenMP.
bool has_team();

// Calls part(data) on `threads` threads at once, the caller's among them. Needs has_team.
void in_team(void (*part)(void*), void* data, unsigned threads);

// In part: the number of the thread that asks, from 0 on.
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
