// A dict of tensors that torch.save wrote: where each tensor lies. No tensor is read.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct featx_saved;

// Strings and arrays live as long as the dict. An empty storage holds no elements.
struct featx_saved_tensor {
  const char* name;
  const char* storage; // its record, below data/
  int type; // at::ScalarType
  const int64_t* sizes;
  const int64_t* strides;
  size_t dimensions;
  int64_t offset; // of its first element, in elements
};

// The bytes of data.pkl.
char* featx_saved_read(const char* pickle, size_t size, featx_saved** out);
size_t featx_saved_count(const featx_saved* saved);
featx_saved_tensor featx_saved_at(const featx_saved* saved, size_t index);
void featx_saved_free(featx_saved* saved);

}
