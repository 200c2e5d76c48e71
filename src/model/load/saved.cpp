#include "load/saved.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include "runtime/guarded.h"

using featx::guarded;

struct featx_saved {
  struct Entry {
    std::string name;
    std::string storage;
    at::Tensor tensor;
  };
  std::vector<Entry> entries;
};

namespace {

// The names of records, standing in for their bytes: nobody computes with the tensors.
class StandIns {
 public:
  at::DataPtr add(const std::string& record) {
    auto name = names_.emplace(names_.end(), std::make_unique<std::string>(record))->get();
    return {name, c10::Device(c10::kCPU)};
  }
  // Empty for a storage of no elements.
  std::string record_of(const at::Tensor& tensor) const {
    TORCH_CHECK(tensor.layout() == c10::kStrided && !tensor.is_quantized(), "it is sparse or quantised");
    const void* memory = tensor.storage().data();
    const auto is_it = [&](const auto& name) { return name.get() == memory; };
    const auto found = std::find_if(names_.begin(), names_.end(), is_it);
    TORCH_CHECK(found != names_.end() || !memory, "its bytes are not in the archive");
    return memory ? **found : std::string();
  }

 private:
  std::vector<std::unique_ptr<std::string>> names_;
};

void read(featx_saved& saved, const char* pickle, size_t size) {
  size_t done = 0;
  const auto bytes = [&](char* buffer, size_t count) {
    const auto some = std::min(count, size - done);
    std::memcpy(buffer, pickle + done, some);
    done += some;
    return some;
  };
  StandIns stand_ins;
  const auto record = [&](const std::string& name) { return stand_ins.add(name); };
  torch::jit::Unpickler unpickler(bytes, nullptr, nullptr, record, c10::Device(c10::kCPU));
  const auto value = unpickler.parse_ivalue();
  TORCH_CHECK(value.isGenericDict(), "a dict was expected, found ", value.tagKind());
  for (const auto& entry : value.toGenericDict()) {
    TORCH_CHECK(entry.key().isString(), "a key is no text");
    if (entry.value().isTensor()) {
      const auto tensor = entry.value().toTensor();
      saved.entries.push_back({entry.key().toStringRef(), stand_ins.record_of(tensor), tensor});
    }
  }
}

} // namespace

char* featx_saved_read(const char* pickle, size_t size, featx_saved** out) {
  return guarded([&] {
    auto saved = std::make_unique<featx_saved>();
    read(*saved, pickle, size);
    *out = saved.release();
  });
}

size_t featx_saved_count(const featx_saved* saved) {
  return saved->entries.size();
}

featx_saved_tensor featx_saved_at(const featx_saved* saved, size_t index) {
  const auto& [name, storage, tensor] = saved->entries.at(index);
  return {
      name.c_str(),
      storage.c_str(),
      static_cast<int>(tensor.scalar_type()),
      tensor.sizes().data(),
      tensor.strides().data(),
      tensor.sizes().size(),
      tensor.storage_offset(),
  };
}

void featx_saved_free(featx_saved* saved) {
  delete saved;
}
