#include "fast/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace {

// Address space, not memory: pages come when they are touched. What does not fit comes from malloc.
constexpr size_t RESERVED = size_t{1} << 38;
// Smaller tensors stay with malloc, bytes.
constexpr size_t SMALLEST = 64 << 10;
constexpr size_t PAGE = 4096;

class Arena {
 public:
  explicit Arena(size_t reserved);
  // Null if it does not fit.
  void* take(size_t size);
  // False if this memory is not the arena's. Sets *size.
  bool give_back(void* memory, size_t* size);
  void release_free_pages();
  bool is_usable() const {
    return base_ != nullptr;
  }
  // Bytes from the start to the end of what was ever in use since the last release.
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

Arena::Arena(size_t reserved) : reserved_(reserved) {
  // Under a limit on address space (ulimit -v) a reservation would take it from everything else: malloc is used then.
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return;
  }
  for (; reserved_ >= (size_t{1} << 32); reserved_ /= 2) {
    void* memory = mmap(
        nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) {
      base_ = static_cast<char*>(memory);
      add_free(0, reserved_);
      return;
    }
  }
}

void* Arena::take(size_t size) {
  size = (size + PAGE - 1) / PAGE * PAGE;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto best = free_by_size_.lower_bound({size, 0});
  if (!base_ || best == free_by_size_.end()) {
    return nullptr;
  }
  const auto [room, offset] = *best;
  remove_free(offset, room);
  if (room > size) {
    add_free(offset + size, room - size);
  }
  used_.emplace(offset, size);
  top_ = std::max(top_, offset + size);
  return base_ + offset;
}

bool Arena::give_back(void* memory, size_t* size) {
  auto* start = static_cast<char*>(memory);
  if (!base_ || start < base_ || start >= base_ + reserved_) {
    return false;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto block = used_.find(static_cast<size_t>(start - base_));
  size_t offset = block->first;
  size_t joined = *size = block->second;
  used_.erase(block);
  const auto after = free_by_offset_.lower_bound(offset);
  if (after != free_by_offset_.begin()) {
    const auto before = *std::prev(after);
    if (before.first + before.second == offset) {
      remove_free(before.first, before.second);
      offset = before.first;
      joined += before.second;
    }
  }
  const auto next = free_by_offset_.find(offset + joined);
  if (next != free_by_offset_.end()) {
    const auto room = next->second;
    remove_free(next->first, room);
    joined += room;
  }
  add_free(offset, joined);
  return true;
}

void Arena::release_free_pages() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [offset, size] : free_by_offset_) {
    if (offset < top_) {
      madvise(base_ + offset, std::min(size, top_ - offset), MADV_DONTNEED);
    }
  }
  top_ = used_.empty() ? 0 : used_.rbegin()->first + used_.rbegin()->second;
}

size_t Arena::top() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return top_;
}

void Arena::add_free(size_t offset, size_t size) {
  free_by_offset_.emplace(offset, size);
  free_by_size_.emplace(size, offset);
}

void Arena::remove_free(size_t offset, size_t size) {
  free_by_offset_.erase(offset);
  free_by_size_.erase({size, offset});
}

// Made once, never freed: tensors in static objects outlive main.
Arena* arena() {
  static auto* only = new Arena(RESERVED);
  return only;
}

void give_back(void* memory) {
  size_t size = 0;
  if (!arena()->give_back(memory, &size)) {
    c10::GetDefaultCPUAllocator()->raw_deallocate(memory);
  } else {
    c10::reportMemoryUsageToProfiler(memory, -static_cast<int64_t>(size), 0, 0, c10::Device(c10::kCPU));
  }
}

class ArenaAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    void* memory = size < SMALLEST ? nullptr : arena()->take(size);
    if (!memory) {
      // As raw memory, so that every pointer is freed in one way.
      memory = c10::GetDefaultCPUAllocator()->raw_allocate(size);
    } else {
      c10::reportMemoryUsageToProfiler(memory, static_cast<int64_t>(size), 0, 0, c10::Device(c10::kCPU));
    }
    return {memory, memory, &::give_back, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override {
    return &::give_back;
  }
  void copy_data(void* target, const void* source, size_t count) const override {
    default_copy_data(target, source, count);
  }
};

} // namespace

void featx_install_arena() {
  if (arena()->is_usable()) {
    c10::SetCPUAllocator(new ArenaAllocator(), /*priority=*/1);
  }
}

void featx_trim_arena() {
  arena()->release_free_pages();
}

size_t featx_arena_extent() {
  return arena()->top();
}
