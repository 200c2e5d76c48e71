// The libtorch that the program was built against, and that its rpath leads to.

#include <torch/version.h>

extern "C" const char* featx_libtorch_version() {
  return TORCH_VERSION;
}
