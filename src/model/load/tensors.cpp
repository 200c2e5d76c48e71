#include "load/tensors.h"

#include <utility>

#include <torch/csrc/jit/ir/constants.h>

#include "load/walk.h"

namespace featx {
namespace {

using namespace torch::jit;

class TensorCollector : public Walk {
 public:
  using Walk::Walk;
  std::vector<at::Tensor> tensors;

 protected:
  void on_attribute(const Module& /*owner*/, const IValue& value) override {
    collect_tensors(value, tensors, nullptr);
  }
};

void collect_constants(Block* block, std::vector<at::Tensor>& tensors) {
  for (Node* node : block->nodes()) {
    if (node->kind() == prim::Constant) {
      if (auto value = toIValue(node->output())) {
        collect_tensors(*value, tensors, nullptr);
      }
    }
    for (Block* inner : node->blocks()) {
      collect_constants(inner, tensors);
    }
  }
}

} // namespace

void collect_tensors(const IValue& value, std::vector<at::Tensor>& tensors, bool* opaque) {
  value.visit([&](const IValue& inner) {
    if (inner.isTensor() && inner.toTensor().defined()) {
      tensors.push_back(inner.toTensor());
    }
    if (opaque && (inner.isCapsule() || inner.isCustomClass())) {
      *opaque = true;
    }
    return false;
  });
}

std::vector<at::Tensor> tensors_used(const Module& module) {
  auto graph = module.get_method("forward").graph()->copy();
  TensorCollector collector(*graph, module);
  collector.run();
  collect_constants(graph->block(), collector.tensors);
  return std::move(collector.tensors);
}

std::vector<at::Tensor> constants(const std::shared_ptr<Graph>& graph) {
  std::vector<at::Tensor> tensors;
  collect_constants(graph->block(), tensors);
  return tensors;
}

} // namespace featx
