#include "runtime/threads.h"

#include "runtime/private.h"

#include <condition_variable>
#include <exception>
#include <mutex>

#include <ATen/Parallel.h>

namespace featx {
namespace {

struct Work {
  const std::function<void(int64_t)>& function;
  std::mutex mutex;
  std::exception_ptr failure;
};

// What each thread of the team does. No exception may leave it.
void take_part(void* data) {
  auto& work = *static_cast<Work*>(data);
  try {
    work.function(number_in_team());
  } catch (...) {
    const std::lock_guard lock(work.mutex);
    work.failure = std::current_exception();
  }
}

} // namespace

int64_t thread_count() {
  return has_team() ? at::get_num_threads() : 1;
}

void on_each_thread(const std::function<void(int64_t)>& function) {
  const int64_t threads = thread_count();
  if (threads < 2) {
    return function(0);
  }
  Work work{function, {}, {}};
  in_team(take_part, &work, static_cast<unsigned>(threads));
  if (work.failure) {
    std::rethrow_exception(work.failure);
  }
}

} // namespace featx

void featx_rest(void (*wait)(void*), void* context) {
  std::mutex mutex;
  std::condition_variable over;
  bool is_over = false;
  featx::on_each_thread([&](int64_t thread) {
    std::unique_lock lock(mutex, std::defer_lock);
    if (thread == 0) { // the caller
      wait(context);
      lock.lock();
      is_over = true;
      over.notify_all();
    } else {
      lock.lock();
      over.wait(lock, [&] { return is_over; });
    }
  });
}
