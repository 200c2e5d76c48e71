// Memory for libtorch's large CPU tensors. A network frees and takes the same sizes at every batch: from the kernel,
// each time, that is a page fault for every 4 KiB; from glibc's heap it is holes that grow. Here freed memory stays, is
// joined with its neighbours, and the best fit is taken, so that a run comes to a size and keeps it.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace featx {

class Arena {
 public:
  // The one that libtorch takes its memory from, from now on. Where the kernel gives no address space, libtorch's own
  // allocator stays.
  static void install();
  // Gives the pages of free memory back to the kernel.
  static void trim();
  // Bytes from the start to the end of what was ever in use since the last trim.
  static size_t extent();

  explicit Arena(size_t reserved);
  // Null where it does not fit.
  void* take(size_t size);
  // False where this memory is not the arena's. Sets *size.
  bool give_back(void* memory, size_t* size);
  void release_free_pages();
  bool is_usable() const {
    return base_ != nullptr;
  }
  size_t top();

 private:
  void add_free(size_t offset, size_t size);
  void remove_free(size_t offset, size_t size);

  std::mutex mutex_;
  char* base_ = nullptr;
  size_t reserved_;
  size_t top_ = 0;
  std::map<size_t, size_t> used_; // offset: size
  std::map<size_t, size_t> free_by_offset_; // neighbours are joined
  std::set<std::pair<size_t, size_t>> free_by_size_; // (size, offset)
};

} // namespace featx
