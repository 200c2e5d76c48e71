#include "forms.h"

#include "pointwise.h"

#include <algorithm>

#include <torch/csrc/jit/codegen/onednn/interface.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>

namespace featx {
namespace {

using namespace torch::jit;

// Puts another constant in a constant's place where `other` gives one.
template <typename Other>
void replace_constants(const std::shared_ptr<Graph>& graph, const Other& other) {
  for (Node* node : findAllNodes(*graph, prim::Constant, /*recurse=*/true)) {
    const auto value = toIValue(node->output());
    const auto replacement = value ? other(*value) : std::nullopt;
    if (replacement) {
      WithInsertPoint here(node);
      node->output()->replaceAllUsesWith(graph->insertConstant(*replacement));
    }
  }
}

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

Multiplications multiplications(const Recording& recording) {
  auto graph = recording.recorded();
  RemoveProfileNodesAndSpecializeTypes(graph);
  Multiplications count;
  for (const auto kind : {aten::conv2d, aten::_convolution, aten::convolution, aten::linear}) {
    for (Node* node : findAllNodes(*graph, kind, /*recurse=*/true)) {
      const auto weight = toIValue(node->input(1));
      const auto elements = node->output()->type()->expectRef<TensorType>().numel();
      if (weight && weight->isTensor() && elements) {
        const auto& tensor = weight->toTensor();
        const auto each = static_cast<double>(tensor.numel() / std::max<int64_t>(1, tensor.size(0)));
        (kind == aten::linear ? count.linear_layers : count.convolutions) += static_cast<double>(*elements) * each;
      }
    }
  }
  return count;
}

std::shared_ptr<Graph> joined(const Recording& recording, int64_t batch) {
  auto graph = recording.recorded();
  RemoveProfileNodesAndSpecializeTypes(graph);
  return pointwise(graph, batch);
}

std::shared_ptr<Graph> fused(const Recording& recording) {
  auto graph = recording.recorded();
  fuser::onednn::fuseGraph(graph);
  EliminateDeadCode(graph);
  TORCH_CHECK(holds_kind(graph, "prim::oneDNNFusionGroup"), "nothing to fuse");
  return graph;
}

void compute_in(const std::shared_ptr<Graph>& graph, at::ScalarType type) {
  replace_constants(graph, [&](const IValue& value) -> std::optional<IValue> {
    const bool is_f32 = value.isTensor() && value.toTensor().scalar_type() == at::kFloat;
    return is_f32 ? std::optional<IValue>(value.toTensor().to(type)) : std::nullopt;
  });
  WithInsertPoint start(*graph->nodes().begin());
  Value* images = graph->inputs().at(1);
  Value* converted = graph->insert(aten::to, {images, type, false, false});
  images->replaceAllUsesAfterNodeWith(converted->node(), converted);
  EliminateDeadCode(graph);
}

void move_to(const std::shared_ptr<Graph>& graph, c10::Device device) {
  replace_constants(graph, [&](const IValue& value) -> std::optional<IValue> {
    if (value.isTensor() && value.toTensor().defined()) {
      return value.toTensor().to(device);
    }
    return value.isDevice() ? std::optional<IValue>(device) : std::nullopt;
  });
  EliminateDeadCode(graph);
}

} // namespace featx
