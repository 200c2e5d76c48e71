// libtorch's own threads.
#pragma once

namespace featx {

// Calls wait(context) while the threads that compute for this one sleep. They would else go on spinning for some
// milliseconds after each computation, each on a core that another thread could use.
void rest(void (*wait)(void*), void* context);

} // namespace featx
