#include "runtime/private.h"

#include <dlfcn.h>

#include <ATen/native/CPUBlas.h>

namespace featx {
namespace {

using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
using ThreadNumber = int (*)();

GompParallel gomp_parallel() {
  static const auto function = reinterpret_cast<GompParallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  return function;
}

ThreadNumber thread_number() {
  static const auto function = reinterpret_cast<ThreadNumber>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  return function;
}

} // namespace

bool has_team() {
  return gomp_parallel() && thread_number();
}

void in_team(void (*part)(void*), void* data, unsigned threads) {
  gomp_parallel()(part, data, threads, /*flags=*/0);
}

int number_in_team() {
  return thread_number()();
}

void multiply(
    int64_t rows,
    int64_t columns,
    int64_t inner,
    const float* left,
    const float* right,
    float* product,
    int64_t stride) {
  at::native::cpublas::brgemm(
      rows, columns, inner, inner, columns, stride, /*add_C=*/false, left, right, product, /*is_vnni=*/false);
}

} // namespace featx
