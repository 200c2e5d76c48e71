// The edge to Rust, which no exception may cross.
#pragma once

#include <cstring>
#include <exception>

#include <c10/util/Exception.h>

namespace featx {

// Runs f; what it throws becomes a message, for the caller to free.
template <typename F>
char* guarded(const F& f) {
  try {
    f();
    return nullptr;
  } catch (const c10::Error& error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}

} // namespace featx

extern "C" {

// Frees a message of guarded, or another string that was made by strdup.
void featx_free_message(char* message);

}
