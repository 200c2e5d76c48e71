#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// Keeps libtorch from folding a batch normalisation into a linear layer whose output has other uses too. Its pass
// (FoldFrozenLinearBatchnorm, as of 2.11) does not check that, unlike the pass for convolutions: the layer would give
// what the normalisation gives.
//
//   %y = aten::linear(%x, …)              %y = aten::linear(%x, …)
//   %z = aten::batch_norm(%y, …)    →     %apart = aten::detach(%y)
//   use(%y)                               %z = aten::batch_norm(%apart, …)
//                                         use(%y)
void keep_linear_layers_apart(torch::jit::Graph& graph);

} // namespace featx
