#include "load/folding.h"

namespace featx {

using namespace torch::jit;

void keep_linear_layers_apart(Graph& graph) {
  for (Node* norm : findAllNodes(graph, aten::batch_norm, true)) {
    Value* given = norm->input(0);
    if (given->node()->kind() != aten::linear || given->uses().size() < 2) {
      continue;
    }
    WithInsertPoint here(norm);
    Node* apart = graph.insertNode(graph.create(aten::detach, {given}));
    norm->replaceInput(0, apart->output());
  }
}

} // namespace featx
