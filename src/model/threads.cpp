#include "threads.h"

#include <dlfcn.h>

#include <condition_variable>
#include <mutex>

#include <ATen/Parallel.h>

namespace featx {
namespace {

// Of the OpenMP library that libtorch computes with; absent where that is none of OpenMP.
using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
using ThreadNumber = int (*)();

struct Rest {
  void (*wait)(void*);
  void* context;
  ThreadNumber thread_number;
  std::mutex mutex;
  std::condition_variable over;
  bool is_over = false;
};

// What each thread of the team does: the first one, which is the caller, waits, the others sleep until it is done.
void share(void* data) {
  auto& rest = *static_cast<Rest*>(data);
  if (rest.thread_number() == 0) {
    rest.wait(rest.context);
    const std::lock_guard lock(rest.mutex);
    rest.is_over = true;
    rest.over.notify_all();
  } else {
    std::unique_lock lock(rest.mutex);
    rest.over.wait(lock, [&] { return rest.is_over; });
  }
}

} // namespace

void rest(void (*wait)(void*), void* context) {
  static const auto parallel = reinterpret_cast<GompParallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  static const auto thread_number = reinterpret_cast<ThreadNumber>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  const int threads = at::get_num_threads();
  if (!parallel || !thread_number || threads < 2) {
    wait(context);
    return;
  }
  Rest rest{wait, context, thread_number, {}, {}};
  parallel(share, &rest, static_cast<unsigned>(threads), 0);
}

} // namespace featx
