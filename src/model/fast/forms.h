// The forms of a frozen graph. C++ of other rooms uses this header of the room, and no other.
//
// The caller has to prove that a faster form gives the plain graph's numbers: fusion has been seen to be right once and
// wrong ever after.
#pragma once

#include <memory>
#include <vector>

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>

namespace featx {

// A graph that is run as it stands.
class Program {
 public:
  explicit Program(std::shared_ptr<torch::jit::Graph> graph);
  // stack: the graph's inputs; afterwards its outputs.
  void run(torch::jit::Stack& stack) const;

 private:
  torch::jit::Code code_;
};

// A graph that notes the types of all its tensors, shapes among them, while it runs once.
//
// As libtorch's ProfilingRecord does, which first compiles the gradients of all operations: a twentieth of a second or
// more of every start.
class Recording {
 public:
  explicit Recording(const std::shared_ptr<torch::jit::Graph>& graph);
  Recording(const Recording&) = delete; // the program writes into it
  void run(torch::jit::Stack& stack) const;
  // The graph, its tensors with the shapes of a batch that is so many times the recorded one.
  std::shared_ptr<torch::jit::Graph> recorded(int64_t batch) const;

 private:
  std::shared_ptr<torch::jit::Graph> graph_;
  // Of the graph's tensors, in the order of `tensors_of`; none of one that was not computed.
  std::vector<c10::TensorTypePtr> types_;
  Program program_;
};

// The recorded graph with its convolutions and linear layers joined to their activations (`pointwise.h`), for batches of
// so many times the recorded images. Throws where there are none.
std::shared_ptr<torch::jit::Graph> joined(const Recording& recording, int64_t batch);

// The same, but for what oneDNN's graph compiler does better (`fusion.h`). Throws where that is nothing.
std::shared_ptr<torch::jit::Graph> fused(const Recording& recording, int64_t batch);

// Bytes of a graph's constant where a faster form packs it.
uint64_t packed_bytes(const at::Tensor& constant);

// Weights of convolutions get the memory order that oneDNN wants beside its input, once instead of at every call.
void lay_weights(const std::shared_ptr<torch::jit::Graph>& graph, at::MemoryFormat format);

// The graph computes in this type: its input and all floating constants are converted.
void compute_in(const std::shared_ptr<torch::jit::Graph>& graph, at::ScalarType type);

// The images are converted to this type before all else.
void take_images_in(const std::shared_ptr<torch::jit::Graph>& graph, at::ScalarType type);

// All constants of the graph lie on this device, and what it makes on its own does too.
void move_to(const std::shared_ptr<torch::jit::Graph>& graph, c10::Device device);

} // namespace featx
