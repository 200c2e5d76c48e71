// oneDNN's graph compiler, piece by piece.
#pragma once

#include <memory>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// Whether the compiler does better for a node than `pointwise.h`: it does for convolutions outside branches and loops.
bool can_fuse(const torch::jit::Node* node);

// Lets oneDNN's graph compiler (torch/csrc/jit/codegen/onednn) join what it can, for the shapes that the graph's tensors
// have. With other shapes the graph fails. Throws if there is nothing to join.
void fuse(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace featx
