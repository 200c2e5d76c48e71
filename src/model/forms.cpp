#include "forms.h"

#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/frozen_ops_to_mkldnn.h>

namespace featx {
namespace {

using namespace torch::jit;

bool holds_kind(const std::shared_ptr<Graph>& graph, const char* kind) {
  return !findAllNodes(*graph, Symbol::fromQualString(kind), /*recurse=*/true).empty();
}

} // namespace

Program::Program(std::shared_ptr<Graph> graph) : code_(std::move(graph), "forward") {}

void Program::run(Stack& stack) const {
  InterpreterState(code_).run(stack);
}

Recording::Recording(const std::shared_ptr<Graph>& graph)
    : record_(ProfilingRecord::instrumentGraph(graph)), program_(record_->graph()) {}

void Recording::run(Stack& stack) const {
  program_.run(stack);
}

std::shared_ptr<Graph> Recording::recorded() const {
  auto graph = record_->graph()->copy();
  ProfilingRecord::removeProfileCounter(graph->block());
  return graph;
}

std::shared_ptr<Graph> fused(const Recording& recording) {
  auto graph = recording.recorded();
  fuser::onednn::fuseGraph(graph);
  EliminateDeadCode(graph);
  TORCH_CHECK(holds_kind(graph, "prim::oneDNNFusionGroup"), "nothing to fuse");
  return graph;
}

std::shared_ptr<Graph> packed(const std::shared_ptr<Graph>& frozen) {
  auto graph = frozen->copy();
  ConvertFrozenOpsToMKLDNN(graph);
  TORCH_CHECK(holds_kind(graph, "aten::to_mkldnn"), "nothing to pack");
  return graph;
}

void compute_in(const std::shared_ptr<Graph>& graph, at::ScalarType type) {
  for (Node* node : findAllNodes(*graph, prim::Constant, /*recurse=*/true)) {
    const auto constant = toIValue(node->output());
    if (constant && constant->isTensor() && constant->toTensor().scalar_type() == at::kFloat) {
      WithInsertPoint here(node);
      node->output()->replaceAllUsesWith(graph->insertConstant(constant->toTensor().to(type)));
    }
  }
  WithInsertPoint start(*graph->nodes().begin());
  Value* images = graph->inputs().at(1);
  Value* converted = graph->insert(aten::to, {images, type, false, false});
  images->replaceAllUsesAfterNodeWith(converted->node(), converted);
  EliminateDeadCode(graph);
}

} // namespace featx
