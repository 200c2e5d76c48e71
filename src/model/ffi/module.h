// What Rust sees of a TorchScript module. Every function returns null, or a message to be freed by featx_free_message;
// no exception leaves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace at {
class Tensor;
}

extern "C" {

struct featx_module;
struct featx_program;

struct featx_range {
  uint64_t offset;
  uint64_t size;
};

// Strings live as long as the module.
struct featx_layer {
  const char* name;
  const char* type;
  int64_t parameters;
  int64_t calls;
  bool in_loop;
  bool no_trace;
  bool no_tensor;
  bool weights_used;
  size_t tensors;
  bool in_order;
};

// A tensor of a layer. choice: a number or a key; empty for the first tensor. layer: empty for the module itself.
struct featx_capture {
  const char* layer;
  const char* choice;
};

// Memory that waits for the bytes of a deferred record.
struct featx_buffer {
  void* data;
  uint64_t size;
  size_t record;
};

// The forms in which a cut graph computes: Rust's `Form`, by number. All but the plain one have to be made first.
enum featx_form { FEATX_PLAIN, FEATX_JOINED, FEATX_FUSED, FEATX_FORMS };

// Loads the file on the CPU in eval mode. The contents of the deferred records are not read.
char* featx_load(const char* path, const featx_range* deferred, size_t count, featx_module** out);

// A module whose forward makes the program's calls and returns its outputs, as a cut module's forward does.
char* featx_program_finish(featx_program* program, featx_module** out);

size_t featx_layer_count(const featx_module* module);
featx_layer featx_layer_at(const featx_module* module, size_t index);

// The name of a layer's tensor.
const char* featx_tensor_at(const featx_module* module, size_t layer, size_t index);

// Makes forward return the wanted tensors, in this order.
char* featx_cut(featx_module* module, const featx_capture* wanted, size_t count);

// What the frozen graph's first layer takes, in words, to be freed; empty if it cannot be told. *fits: whether it takes
// images of this many channels.
char* featx_first_layer(const featx_module* module, size_t channels, bool* fits);

// The buffers that the cut reads and that are still to be filled, each once. They live as long as the module.
char* featx_awaited(featx_module* module, const featx_buffer** out, size_t* count);

// Turns attributes into constants, folds them, and frees every tensor that is no longer used.
char* featx_freeze(featx_module* module);

// Whether this tensor of the cut is the same for all images.
bool featx_is_constant(const featx_module* module, size_t output);

// Bytes that the frozen graph's tensors take in addition, packed for a faster form.
uint64_t featx_packed_bytes(const featx_module* module);

// Makes the frozen graph compute in bf16 or f16 instead of f32.
char* featx_compute_in(featx_module* module, bool bfloat16);

// Makes the frozen graph compute in the type of its weights. *type: its name, static; null for f32.
char* featx_compute_as_it_is(featx_module* module, const char** type);

// Another module with the same frozen graph, which shares the weights and the forms. It is still to be laid out.
char* featx_replicate(const featx_module* module, featx_module** out);

// Moves the frozen graph to a GPU.
char* featx_move_to_cuda(featx_module* module, int index);

// Sets the memory order of the convolutions' weights, which their outputs follow. To be called before the first forward.
char* featx_lay_out(featx_module* module, bool channels_last);

// As featx_forward in the plain form. Also notes the shapes of all tensors, which other forms are made from. peak: the
// most bytes that tensors made on the way, outputs included, took at one time.
char* featx_record(featx_module* module, const at::Tensor* input, at::Tensor** outputs, int64_t* peak);

// Makes a form other than the plain one, for `batch` times the recorded images. Fails if the graph offers nothing for
// it.
char* featx_make(featx_module* module, int form, int64_t batch);

// Frees a form. For the plain form: frees what was recorded.
void featx_drop(featx_module* module, int form);

// outputs: an owned tensor for each tensor of the cut; an empty one for a layer that was not reached.
char* featx_forward(featx_module* module, int form, const at::Tensor* input, at::Tensor** outputs);

void featx_free_module(featx_module* module);

}
