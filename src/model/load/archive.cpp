#include "load/archive.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <c10/util/Exception.h>

namespace featx {

DeferringReader::DeferringReader(const std::string& path, const std::vector<Range>& deferred)
    : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), size_(0), ranges_(deferred) {
  TORCH_CHECK(file_ >= 0, "cannot open: ", std::strerror(errno));
  struct stat status {};
  TORCH_CHECK(fstat(file_, &status) == 0, "cannot stat: ", std::strerror(errno));
  size_ = static_cast<size_t>(status.st_size);
  for (size_t i = 0; i < ranges_.size(); ++i) {
    by_offset_.emplace(ranges_[i].offset, i);
  }
}

DeferringReader::~DeferringReader() {
  if (file_ >= 0) {
    close(file_);
  }
}

size_t DeferringReader::size() const {
  return size_;
}

size_t DeferringReader::read(uint64_t position, void* buffer, size_t count, const char* /*what*/) const {
  awaited_.erase(buffer); // the allocator may have handed out this address before
  auto range = by_offset_.find(position);
  if (range != by_offset_.end() && ranges_[range->second].size == count) {
    awaited_[buffer] = range->second;
    return count;
  }
  size_t done = 0;
  while (done < count) {
    const auto got = pread(file_, static_cast<char*>(buffer) + done, count - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

int64_t DeferringReader::deferred(const void* buffer, size_t size) const {
  auto found = awaited_.find(buffer);
  if (found == awaited_.end() || ranges_[found->second].size != size) {
    return -1;
  }
  return static_cast<int64_t>(found->second);
}

} // namespace featx
