#include "fast/fusion.h"

#include "fast/pointwise.h"

#include <algorithm>
#include <vector>

#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/peephole.h>
#include <torch/csrc/jit/passes/remove_mutation.h>
#include <torch/csrc/jit/passes/utils/subgraph_utils.h>

namespace featx {
namespace {

using namespace torch::jit;

// About how many nodes a piece has. The compiler's time grows faster than the square of the number of nodes: all of
// DenseNet-121 at once takes 8 s, in pieces 0.1 s, and the compiler finds the same groups.
constexpr size_t PIECE = 32;

// Whether `pointwise.h` made this node.
bool is_joined(const Node* node) {
  const auto space = node->kind().ns();
  return space == Symbol::fromQualString("namespaces::mkldnn") || space == Symbol::fromQualString("namespaces::featx");
}

// Whether shapes may depend on what an image shows. The recorded shapes are those of other images.
bool looks_at_data(const std::shared_ptr<Graph>& graph) {
  const auto kinds = {aten::item, aten::Bool, aten::Int, aten::Float, aten::nonzero, aten::masked_select};
  return std::any_of(kinds.begin(), kinds.end(), [&](Symbol kind) {
    return !findAllNodes(*graph, kind, /*recurse=*/true).empty();
  });
}

// The nodes of each piece, in order. A piece begins with a convolution, so that no convolution is in another piece than
// what follows it. What comes before the first one is left alone: on three channels the compiler is slow.
std::vector<std::vector<Node*>> pieces(const std::shared_ptr<Graph>& graph) {
  std::vector<std::vector<Node*>> pieces;
  bool is_open = false;
  for (Node* node : graph->nodes()) {
    if (node->kind() == prim::Constant || node->kind() == prim::ConstantMKLDNNTensor) {
      continue;
    }
    if (can_fuse(node) && (!is_open || pieces.back().size() >= PIECE)) {
      pieces.emplace_back();
      is_open = true;
    }
    // Branches, loops and joined nodes stay outside.
    is_open = is_open && node->blocks().empty() && !is_joined(node);
    if (is_open) {
      pieces.back().push_back(node);
    }
  }
  return pieces;
}

// Fuses nodes of a graph that follow each other.
void fuse_piece(const std::vector<Node*>& nodes) {
  Node* piece = SubgraphUtils::createSingletonSubgraph(nodes.back(), Symbol::fromQualString("featx::Piece"));
  for (auto node = nodes.rbegin() + 1; node != nodes.rend(); ++node) {
    SubgraphUtils::mergeNodeIntoSubgraph(*node, piece);
  }
  auto graph = piece->g(attr::Subgraph);
  fuser::onednn::fuseGraph(graph);
  piece->g_(attr::Subgraph, graph);
  SubgraphUtils::unmergeSubgraph(piece);
}

} // namespace

bool can_fuse(const Node* node) {
  return is_convolution(node) && node->owningBlock() == node->owningGraph()->block();
}

void fuse(const std::shared_ptr<Graph>& graph) {
  // A piece must be understood by itself: without in-place operations, and without sizes that the next piece uses.
  RemoveTensorMutation(graph);
  PeepholeOptimize(graph);
  EliminateDeadCode(graph);
  TORCH_CHECK(!looks_at_data(graph), "shapes may depend on the image");
  for (const auto& nodes : pieces(graph)) {
    fuse_piece(nodes);
  }
  EliminateDeadCode(graph);
  const auto group = Symbol::fromQualString("prim::oneDNNFusionGroup");
  TORCH_CHECK(!findAllNodes(*graph, group, /*recurse=*/true).empty(), "nothing to fuse");
}

} // namespace featx
