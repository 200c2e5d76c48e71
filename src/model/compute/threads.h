// libtorch's own threads.
#pragma once

#include <cstdint>
#include <functional>

namespace featx {

// Threads that compute for this one, itself among them.
int64_t thread_count();

// Calls work(thread), with a number from 0 on, on each of them at once, or on the first ones where OpenMP gives no more.
// What it throws is thrown here.
void on_each_thread(const std::function<void(int64_t)>& work);

// Calls wait(context) while the threads that compute for this one sleep. They would else go on spinning for some
// milliseconds after each computation, each on a core that another thread could use.
void rest(void (*wait)(void*), void* context);

} // namespace featx
