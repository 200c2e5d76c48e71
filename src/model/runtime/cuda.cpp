#include "runtime/cuda.h"

#include <dlfcn.h>

#include <string>
#include <unordered_set>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include "runtime/guarded.h"

using featx::guarded;

namespace {

c10::Device gpu(int index) {
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

// Opens a library for all that is opened later; the last word of the message is the library's name.
void* open_library(const char* name, int mode, const char* missing) {
  void* const library = dlopen(name, mode);
  if (!library) {
    const char* reason = dlerror();
    TORCH_CHECK(false, missing, " (", reason ? reason : name, ")");
  }
  return library;
}

// Whether the driver itself sees a GPU: cuInit, cuDeviceGetCount of the CUDA driver API.
bool driver_sees_gpu(void* driver) {
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto device_count = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  int count = 0;
  return init && device_count && init(0) == 0 && device_count(&count) == 0 && count > 0;
}

int open_cuda() {
  // libtorch's own message for a missing driver comes only with the first computation.
  void* const driver = open_library("libcuda.so.1", RTLD_LAZY, "no NVIDIA driver");
  if (!driver_sees_gpu(driver)) {
    return 0; // libtorch's CUDA library would take 400 MB for nothing
  }
  // It registers itself with libtorch, which asks for it at its first use of CUDA.
  open_library("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL, "libtorch has no CUDA library");
  if (!at::globalContext().hasCUDA()) {
    return 0;
  }
  return static_cast<int>(at::detail::getCUDAHooks().deviceCount());
}

} // namespace

char* featx_open_cuda(int* count) {
  return guarded([&] { *count = open_cuda(); });
}

void featx_configure_cuda(bool tf32) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(tf32);
  context.setAllowTF32CuDNN(tf32);
  context.setBenchmarkCuDNN(true); // batches are all of one shape
}

char* featx_pinned_bytes(int64_t count, at::Tensor** out) {
  return guarded([&] { *out = new at::Tensor(at::empty({count}, at::TensorOptions(at::kByte).pinned_memory(true))); });
}

char* featx_own_cuda_stream(int index) {
  return guarded([&] {
    thread_local std::unordered_set<int> owned;
    if (owned.insert(index).second) {
      const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
      cuda.exchangeStream(cuda.getStreamFromGlobalPool(gpu(index)));
    }
  });
}

char* featx_synchronize_cuda(int index) {
  return guarded([&] {
    const c10::impl::VirtualGuardImpl cuda(c10::kCUDA);
    cuda.synchronizeStream(cuda.getStream(gpu(index)));
  });
}
