// Layers of a TorchScript module: their names, and the graph cut that makes them the module's result.
#pragma once

#include <string>
#include <vector>

#include <torch/csrc/jit/api/module.h>

#include "load/outputs.h"

namespace featx {

// One entry of PyTorch's named_modules(), root excluded.
struct Layer {
  std::string name; // dotted path; of several, the first
  std::string type; // Python class name
  int64_t parameters = 0; // of this module and all below it
  int64_t calls = 0; // places in the graph that call it; a call inside a loop counts once
  bool in_loop = false;
  bool no_trace = false; // traced and called, but neither its input nor its output is in the graph
  bool no_tensor = false; // scripted and called, but its result holds no tensor
  bool weights_used = false; // something reads its tensors
  std::vector<Choice> tensors; // what its result holds; see choices()
  bool in_order = true; // they stand in the order of its Python code
};

// A tensor that is wanted.
struct Capture {
  std::string layer; // dotted name; empty for the module itself
  Choice choice;
};

// The layers in named_modules() order. The module is not changed.
std::vector<Layer> survey(const torch::jit::Module& module);

// Rewrites forward so that it returns a list of the wanted tensors, in that order, and nothing after the
// last of them is computed.
void cut(torch::jit::Module& module, const std::vector<Capture>& wanted);

// Removes the clones of captured tensors that nothing writes to afterwards.
void drop_needless_clones(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace featx
