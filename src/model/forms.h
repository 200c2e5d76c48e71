// Faster forms of a frozen graph. Whether one gives the plain graph's numbers is for the caller to prove: fusion has
// been seen to be right once and wrong ever after.
#pragma once

#include <memory>
#include <vector>

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>
#include <torch/csrc/jit/runtime/profiling_record.h>

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

// A graph that notes the shapes of all its tensors while it runs once.
class Recording {
 public:
  explicit Recording(const std::shared_ptr<torch::jit::Graph>& graph);
  void run(torch::jit::Stack& stack) const;
  // The graph, its tensors with the shapes of a batch that is so many times the recorded one.
  std::shared_ptr<torch::jit::Graph> recorded(int64_t batch) const;

 private:
  std::unique_ptr<torch::jit::ProfilingRecord> record_;
  Program program_;
};

// The recorded graph with its convolutions and linear layers joined to their activations (`pointwise.h`), for batches of
// so many times the recorded images. Throws where there are none.
std::shared_ptr<torch::jit::Graph> joined(const Recording& recording, int64_t batch);

// The same, but for what oneDNN's graph compiler does better (`fusion.h`). Throws where that is nothing.
std::shared_ptr<torch::jit::Graph> fused(const Recording& recording, int64_t batch);

// The graph computes in this type: its input and all f32 constants are converted.
void compute_in(const std::shared_ptr<torch::jit::Graph>& graph, at::ScalarType type);

// All constants of the graph lie on this device, and what it makes on its own does too.
void move_to(const std::shared_ptr<torch::jit::Graph>& graph, c10::Device device);

} // namespace featx
