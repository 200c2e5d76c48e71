#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// Keeps libtorch from folding a batch normalisation into a linear layer whose output something else wants too: its pass
// (FoldFrozenLinearBatchnorm, as of 2.11), unlike that for convolutions, does not look, and the layer would give what the
// normalisation gives.
//
//   %y = aten::linear(%x, …)              %y = aten::linear(%x, …)
//   %z = aten::batch_norm(%y, …)    →     %apart = aten::detach(%y)
//   use(%y)                               %z = aten::batch_norm(%apart, …)
//                                         use(%y)
void keep_linear_layers_apart(torch::jit::Graph& graph);

} // namespace featx
