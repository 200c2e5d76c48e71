// A program of torch.export becomes a TorchScript module, node by node. Every function returns null, or a message to be
// freed by featx_free_message; no exception leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <torch/csrc/jit/api/module.h>

extern "C" {

struct featx_program;

// Kinds of an item: nothing, a value by its number, or a constant.
enum featx_kind { FEATX_NONE, FEATX_VALUE, FEATX_INT, FEATX_REAL, FEATX_BOOL, FEATX_TEXT, FEATX_DEVICE };

struct featx_item {
  int kind;
  int64_t integer; // an int or bool, or a value's number
  double real;
  const char* text;
};

// An argument of a call: an item, or a list of items.
struct featx_argument {
  const char* name;
  const featx_item* items;
  size_t count;
  bool is_list;
};

// An output of a call: nothing, a tensor, a list of tensors, or a number. `values`: the numbers of its values.
enum featx_output_kind { FEATX_GIVES_NONE, FEATX_TENSOR, FEATX_TENSORS, FEATX_GIVES_INT, FEATX_GIVES_REAL, FEATX_GIVES_BOOL };

struct featx_output {
  int kind;
  const uint32_t* values;
  size_t count;
};

struct featx_call {
  const char* name; // aten::conv2d
  const char* overload; // null where it follows from the arguments
  const featx_argument* arguments;
  size_t argument_count;
  const featx_output* outputs;
  size_t output_count;
};

// A tensor, as a view of the storage that a record holds. record: -1 for a tensor without elements.
struct featx_weight {
  uint32_t value;
  int64_t record;
  uint64_t bytes; // of the record
  int type; // c10::ScalarType
  const int64_t* sizes;
  const int64_t* strides;
  size_t dimensions;
  int64_t offset; // elements
};

char* featx_program_new(size_t outputs, featx_program** out);
void featx_program_free(featx_program* program);

// The value that stands for the batch.
char* featx_program_images(featx_program* program, uint32_t value);

// Its memory stays untouched: the record's bytes come later (featx_awaited).
char* featx_program_weight(featx_program* program, const featx_weight* weight);

char* featx_program_call(featx_program* program, const featx_call* call);

// Makes a copy of a value, as it is after the calls so far, one of the outputs.
char* featx_program_capture(featx_program* program, uint32_t value, size_t output);

}

namespace featx {

// Which of the archive's deferred records belongs in a storage.
class Records {
 public:
  void add(const void* storage, int64_t record) {
    records_[storage] = record;
  }
  // -1: none.
  int64_t find(const void* storage) const {
    auto found = records_.find(storage);
    return found == records_.end() ? -1 : found->second;
  }

 private:
  std::unordered_map<const void*, int64_t> records_;
};

// A module that was built from a program.
struct BuiltModule {
  torch::jit::Module module;
  Records records;
  std::vector<at::Tensor> weights;
  size_t outputs;
};

// A module whose forward makes the calls and returns the outputs, as the forward of a cut TorchScript module does.
BuiltModule finish(featx_program& program);

} // namespace featx
