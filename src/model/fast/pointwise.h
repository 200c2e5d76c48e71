// Convolutions and linear layers that also apply the activation after them, with weights packed for oneDNN.
#pragma once

#include <array>
#include <memory>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// What TorchScript calls a convolution.
inline constexpr std::array<torch::jit::Symbol, 3> CONVOLUTIONS{
    torch::jit::aten::conv2d, torch::jit::aten::_convolution, torch::jit::aten::convolution};

bool is_convolution(const torch::jit::Node* node);

// Whether a node is a convolution with constant weights that `winograd.h` computes with fewer multiplications.
bool is_winograd(const torch::jit::Node* node);

// Replaces the wanted operations of a graph: 2-D convolutions with constant weights by mkldnn::_convolution_pointwise
// or featx::winograd, linear layers with constant weights by mkldnn::_linear_pointwise. torch.compile uses the
// operations of mkldnn on the CPU. Weights are packed for the shapes that the graph's tensors have. Returns the number
// of replacements.
size_t join(const std::shared_ptr<torch::jit::Graph>& graph, bool (*wanted)(const torch::jit::Node*));

} // namespace featx
