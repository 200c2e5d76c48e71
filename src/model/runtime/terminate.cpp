// An exception that nobody catches, on a thread of libtorch's own: a line and exit code 1, in place of a core dump.

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>

namespace {

[[noreturn]] void explain() {
  const char* reason = "unknown C++ exception";
  try {
    if (const auto thrown = std::current_exception()) {
      std::rethrow_exception(thrown);
    }
  } catch (const std::bad_alloc&) {
    reason = "memory ran out; raise the limit on address space (ulimit -v, h_vmem) or give the job more memory";
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
  }
  dprintf(
      STDERR_FILENO,
      "error: %s; sealed parts are whole, and the same command goes on after them\n",
      reason);
  _exit(1);
}

void install(int, char**, char**) {
  std::set_terminate(explain);
}

// Before libtorch's own static objects are made, which take memory too.
__attribute__((section(".preinit_array"), used)) void (*before_libraries)(int, char**, char**) = install;

} // namespace

// Has the linker keep this file.
extern "C" void featx_explain_terminate() {
  std::set_terminate(explain);
}
