// What a frozen graph expects of the images that it is given.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <torch/csrc/jit/ir/ir.h>

namespace featx {

// The floating type of its first matrix or kernel; nullopt if it has none.
std::optional<at::ScalarType> own_type(const std::shared_ptr<torch::jit::Graph>& graph);

// What its first layer takes, in words: "its first convolution takes (N, 1, H, W)"; empty if no layer tells. *fits:
// whether it takes images of `given` channels.
std::string first_layer(const std::shared_ptr<torch::jit::Graph>& graph, size_t given, bool* fits);

} // namespace featx
