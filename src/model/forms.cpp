#include "forms.h"

#include "fusion.h"
#include "pointwise.h"

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

// Gives a tensor the shape that it has where the batch is so many times the recorded one.
void scale(Value* value, int64_t batch) {
  const auto type = value->type()->cast<TensorType>();
  auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  const auto strides = type ? type->strides().concrete_sizes() : std::nullopt;
  if (sizes && strides && !sizes->empty()) {
    sizes->at(0) *= batch;
    value->setType(type->withSizesStrides(*sizes, *strides));
  }
}

void scale(Block* block, int64_t batch) {
  for (Value* input : block->inputs()) {
    scale(input, batch);
  }
  for (Node* node : block->nodes()) {
    for (Value* output : node->outputs()) {
      if (node->kind() != prim::Constant) {
        scale(output, batch);
      }
    }
    for (Block* inner : node->blocks()) {
      scale(inner, batch);
    }
  }
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

std::shared_ptr<Graph> Recording::recorded(int64_t batch) const {
  auto graph = record_->graph()->copy();
  ProfilingRecord::removeProfileCounter(graph->block());
  RemoveProfileNodesAndSpecializeTypes(graph);
  scale(graph->block(), batch);
  return graph;
}

std::shared_ptr<Graph> joined(const Recording& recording, int64_t batch) {
  auto graph = recording.recorded(batch);
  const auto all = [](const Node*) { return true; };
  TORCH_CHECK(join(graph, all) > 0, "nothing to join");
  return graph;
}

std::shared_ptr<Graph> fused(const Recording& recording, int64_t batch) {
  auto graph = recording.recorded(batch);
  join(graph, [](const Node* node) { return !can_fuse(node); });
  fuse(graph);
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
