// What a frozen graph expects of the images that it is given.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// The floating type of its weights: that of the first matrix or kernel; none where it has none.
std::optional<at::ScalarType> own_type(const std::shared_ptr<torch::jit::Graph>& graph);

// What its first layer takes, in words: "its first convolution takes (N, 1, H, W)". Empty where it has none that tells.
// *fits: a batch of images of so many channels is such.
std::string first_layer(const std::shared_ptr<torch::jit::Graph>& graph, size_t given, bool* fits);

} // namespace featx
