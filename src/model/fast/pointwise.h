// Convolutions and linear layers that apply the activation after them themselves, with weights packed for oneDNN.
#pragma once

#include <array>
#include <memory>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// What TorchScript calls a convolution.
inline constexpr std::array<torch::jit::Symbol, 3> CONVOLUTIONS{
    torch::jit::aten::conv2d, torch::jit::aten::_convolution, torch::jit::aten::convolution};

bool is_convolution(const torch::jit::Node* node);

// Whether a node is a constant convolution that takes fewer multiplications another way (`winograd.h`).
bool is_winograd(const torch::jit::Node* node);

// Makes constant 2-D convolutions of a graph mkldnn::_convolution_pointwise, and constant linear layers
// mkldnn::_linear_pointwise (what torch.compile uses on the CPU), or what is better: those that are wanted. Weights are
// packed for the shapes that the graph's tensors have. Returns how many there were.
size_t join(const std::shared_ptr<torch::jit::Graph>& graph, bool (*wanted)(const torch::jit::Node*));

} // namespace featx
