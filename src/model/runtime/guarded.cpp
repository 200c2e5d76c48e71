#include "runtime/guarded.h"

#include <cstdlib>

void featx_free_message(char* message) {
  std::free(message);
}
