// The tensors of a module and of its graph.
#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// Every tensor that forward reads: attributes reached from self, and constants of the graph.
std::vector<at::Tensor> tensors_used(const torch::jit::Module& module);

// Every tensor that is a constant of the graph.
std::vector<at::Tensor> constants(const std::shared_ptr<torch::jit::Graph>& graph);

// Adds every tensor inside a value, modules' attributes included. Sets *opaque, unless null, if a C++ object of some
// extension could hold more.
void collect_tensors(const c10::IValue& value, std::vector<at::Tensor>& tensors, bool* opaque);

} // namespace featx
