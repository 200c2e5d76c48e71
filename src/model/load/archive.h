// Loading a TorchScript file without reading its tensors.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include <caffe2/serialize/read_adapter_interface.h>

namespace featx {

// The bytes of one uncompressed record in the file.
struct Range {
  uint64_t offset;
  uint64_t size;
};

// Reads a file for libtorch's archive reader. Each record is read by one call, straight into its storage
// (miniz, mz_zip_reader_extract_to_mem). A call for exactly one of the deferred ranges reads nothing: it leaves the
// buffer's pages untouched, so they cost no memory, and remembers which range belongs there.
class DeferringReader : public caffe2::serialize::ReadAdapterInterface {
 public:
  // Throws c10::Error where the file cannot be opened.
  DeferringReader(const std::string& path, const std::vector<Range>& deferred);
  ~DeferringReader() override;
  size_t size() const override;
  size_t read(uint64_t position, void* buffer, size_t count, const char* what) const override;
  // Index of the range that belongs in the buffer; -1 if there is none.
  int64_t deferred(const void* buffer, size_t size) const;

 private:
  int file_;
  size_t size_;
  std::vector<Range> ranges_;
  std::unordered_map<uint64_t, size_t> by_offset_;
  mutable std::unordered_map<const void*, size_t> awaited_;
};

} // namespace featx
