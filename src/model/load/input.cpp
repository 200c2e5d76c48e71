#include "load/input.h"

#include <torch/csrc/jit/ir/constants.h>

namespace featx {

using namespace torch::jit;

namespace {

// Calls see(node) for each node in the order of the graph, until it returns true.
template <typename See>
bool any_node(Block* block, const See& see) {
  for (Node* node : block->nodes()) {
    if (see(node)) {
      return true;
    }
    for (Block* inner : node->blocks()) {
      if (any_node(inner, see)) {
        return true;
      }
    }
  }
  return false;
}

bool is_convolution(const Node* node) {
  switch (node->kind()) {
    case aten::conv1d:
    case aten::conv2d:
    case aten::conv3d:
    case aten::_convolution:
      return true;
    default:
      return false;
  }
}

std::string spatial(int64_t axes) {
  switch (axes) {
    case 1:
      return "L";
    case 2:
      return "H, W";
    default:
      return "D, H, W";
  }
}

} // namespace

std::optional<at::ScalarType> own_type(const std::shared_ptr<Graph>& graph) {
  std::optional<at::ScalarType> type;
  any_node(graph->block(), [&](Node* node) {
    const auto value = node->kind() == prim::Constant ? toIValue(node->output()) : std::nullopt;
    if (value && value->isTensor() && value->toTensor().dim() > 1 && value->toTensor().is_floating_point()) {
      type = value->toTensor().scalar_type();
    }
    return type.has_value();
  });
  return type;
}

std::string first_layer(const std::shared_ptr<Graph>& graph, size_t given, bool* fits) {
  std::string words;
  *fits = true;
  any_node(graph->block(), [&](Node* node) {
    const auto weight = is_convolution(node) ? toIValue(node->input(1)) : std::nullopt;
    const auto groups = weight ? toIValue(node->namedInput("groups")) : std::nullopt;
    if (!groups || !weight->isTensor()) {
      return false;
    }
    const auto& kernel = weight->toTensor();
    const auto channels = kernel.size(1) * groups->toInt();
    *fits = channels == static_cast<int64_t>(given) && kernel.dim() == 4;
    words = "its first convolution takes (N, " + std::to_string(channels) + ", " + spatial(kernel.dim() - 2) + ")";
    return true;
  });
  return words;
}

} // namespace featx
