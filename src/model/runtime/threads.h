// libtorch's own threads.
#pragma once

#include <cstdint>
#include <functional>

namespace featx {

// Threads that compute for this one, itself among them.
int64_t thread_count();

// Calls work(thread), with a number from 0 on, on each of them at once; on fewer, if OpenMP gives fewer. What it throws
// is thrown here.
void on_each_thread(const std::function<void(int64_t)>& work);

} // namespace featx

// Calls wait(context), on this thread, while the threads that compute for it sleep. Otherwise they would go on spinning
// for some milliseconds after each computation, each on a core that another thread could use.
extern "C" void featx_rest(void (*wait)(void*), void* context);
