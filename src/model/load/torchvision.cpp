#include "load/torchvision.h"

#include <dlfcn.h>
#include <link.h>

#include <filesystem>
#include <string>

#include <c10/util/Exception.h>

#include "runtime/guarded.h"

using featx::guarded;

namespace {

// .../site-packages/torch/lib
std::filesystem::path libtorch_folder() {
  void* const library = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  link_map* map = nullptr;
  TORCH_CHECK(library && dlinfo(library, RTLD_DI_LINKMAP, &map) == 0, "libtorch's folder is not known");
  return std::filesystem::canonical(map->l_name).parent_path();
}

void open_library(const std::filesystem::path& path) {
  if (!dlopen(path.c_str(), RTLD_LAZY | RTLD_GLOBAL)) {
    const char* reason = dlerror();
    TORCH_CHECK(false, reason ? reason : path.c_str());
  }
}

// "libpython3.11.so.1.0", of the Python whose environment this is: .../lib/python3.11/site-packages.
std::string python_library(const std::filesystem::path& packages) {
  return "lib" + packages.parent_path().filename().string() + ".so.1.0";
}

void open_torchvision() {
  const auto torch = libtorch_folder();
  const auto packages = torch.parent_path().parent_path();
  const auto library = packages / "torchvision" / "_C.so";
  TORCH_CHECK(std::filesystem::exists(library), "there is no '", library.string(), "'");
  dlopen(python_library(packages).c_str(), RTLD_LAZY | RTLD_GLOBAL); // it may do without
  open_library(torch / "libtorch_python.so");
  open_library(library);
}

} // namespace

char* featx_open_torchvision() {
  return guarded([] { open_torchvision(); });
}
