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

// A graph that the interpreter runs as it stands.
class RunnableGraph {
 public:
  explicit RunnableGraph(std::shared_ptr<torch::jit::Graph> graph);
  // stack: the graph's inputs; afterwards its outputs.
  void run(torch::jit::Stack& stack) const;

 private:
  torch::jit::Code code_;
};

// A graph that runs once and notes the types of all its tensors, shapes among them.
//
// libtorch's ProfilingRecord does the same, but first compiles the gradients of all operations: that would add a
// twentieth of a second or more to every start.
class Recording {
 public:
  explicit Recording(const std::shared_ptr<torch::jit::Graph>& graph);
  Recording(const Recording&) = delete; // noting_ writes into types_
  void run(torch::jit::Stack& stack) const;
  // The graph; its tensors have the shapes of a batch of `batch` times the recorded images.
  std::shared_ptr<torch::jit::Graph> recorded(int64_t batch) const;

 private:
  std::shared_ptr<torch::jit::Graph> graph_;
  // Of the graph's tensors, in the order of `tensors_of`; null for a tensor that was not computed.
  std::vector<c10::TensorTypePtr> types_;
  RunnableGraph noting_;
};

// The recorded graph with its convolutions and linear layers joined to their activations (`pointwise.h`), for `batch`
// times the recorded images. Throws if it has no such layers.
std::shared_ptr<torch::jit::Graph> joined(const Recording& recording, int64_t batch);

// The same, but oneDNN's graph compiler does what it does better (`fusion.h`). Throws if it does nothing better.
std::shared_ptr<torch::jit::Graph> fused(const Recording& recording, int64_t batch);

// Bytes that a graph's constant takes once a faster form has packed it.
uint64_t packed_bytes(const at::Tensor& constant);

// Gives weights of convolutions the memory order that oneDNN wants with this order of images: once, not at every call.
void lay_weights(const std::shared_ptr<torch::jit::Graph>& graph, at::MemoryFormat format);

// Makes the graph compute in this type: its input and all floating constants are converted.
void compute_in(const std::shared_ptr<torch::jit::Graph>& graph, at::ScalarType type);

// Makes the graph convert the images to this type first.
void take_images_in(const std::shared_ptr<torch::jit::Graph>& graph, at::ScalarType type);

// Moves all constants of the graph to this device. Tensors that the graph makes itself are made there too.
void move_to(const std::shared_ptr<torch::jit::Graph>& graph, c10::Device device);

} // namespace featx
