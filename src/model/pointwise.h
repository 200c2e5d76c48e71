// Convolutions and linear layers that apply the activation behind them themselves, with weights packed for oneDNN.
#pragma once

#include <memory>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// The graph with its constant 2-D convolutions as mkldnn::_convolution_pointwise and its constant linear layers as
// mkldnn::_linear_pointwise (what torch.compile uses on the CPU). Weights are packed for batches of so many images of
// the shapes that `recorded`, a copy of the same graph, has. Throws where there are none.
std::shared_ptr<torch::jit::Graph> pointwise(const std::shared_ptr<torch::jit::Graph>& recorded, int64_t batch);

} // namespace featx
