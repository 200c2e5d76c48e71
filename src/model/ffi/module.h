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

// A tensor of a layer: nothing chosen for the first one, a number, a key. An empty layer is the module itself.
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

// A module whose forward makes a program's calls and returns its outputs, in the shape that a cut one has.
char* featx_program_finish(featx_program* program, featx_module** out);

size_t featx_layer_count(const featx_module* module);
featx_layer featx_layer_at(const featx_module* module, size_t index);

// What a layer's tensor of this index is called.
const char* featx_tensor_at(const featx_module* module, size_t layer, size_t index);

// forward becomes: each of the wanted tensors, in this order.
char* featx_cut(featx_module* module, const featx_capture* wanted, size_t count);

// What the frozen graph's first layer takes, in words; *fits: images of so many channels are such. To be
// freed; empty where none tells.
char* featx_first_layer(const featx_module* module, size_t channels, bool* fits);

// The buffers that the cut reads and that are still to be filled; they live as long as the module. Each once.
char* featx_awaited(featx_module* module, const featx_buffer** out, size_t* count);

// Turns attributes into constants, folds, and frees every tensor that nothing uses any more.
char* featx_freeze(featx_module* module);

// Whether the frozen graph gives the same whatever the images, for the `output`-th tensor of the cut.
bool featx_is_constant(const featx_module* module, size_t output);

// Bytes that the frozen graph's tensors take once more, packed for a faster form.
uint64_t featx_packed_bytes(const featx_module* module);

// The frozen graph computes in bf16 or f16 instead of f32.
char* featx_compute_in(featx_module* module, bool bfloat16);

// The frozen graph computes in the type of its weights. *type: its name, static; null where it is f32.
char* featx_compute_as_it_is(featx_module* module, const char** type);

// Another module with the same frozen graph, to be laid out; it shares the weights and the forms.
char* featx_replicate(const featx_module* module, featx_module** out);

// Moves the frozen graph to a GPU.
char* featx_move_to_cuda(featx_module* module, int index);

// Memory order of the convolutions' weights, and with it of what they compute. To be called before the first forward.
char* featx_lay_out(featx_module* module, bool channels_last);

// As featx_forward on the plain form; what it notes about the shapes is what the other forms are made from. peak: the
// most bytes that tensors made on the way, outputs included, took at one time.
char* featx_record(featx_module* module, const at::Tensor* input, at::Tensor** outputs, int64_t* peak);

// Makes a form other than the plain one, for batches of so many times the recorded images. An error where the graph
// offers nothing for it.
char* featx_make(featx_module* module, int form, int64_t batch);

// Frees a form other than the plain one; plain: what was recorded.
void featx_drop(featx_module* module, int form);

// outputs: as many owned tensors as layers were cut; an empty one where the layer was not reached.
char* featx_forward(featx_module* module, int form, const at::Tensor* input, at::Tensor** outputs);

void featx_free_module(featx_module* module);

}
