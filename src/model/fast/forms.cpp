#include "fast/forms.h"

#include "fast/fusion.h"
#include "fast/pointwise.h"
#include "fast/winograd.h"

#include <algorithm>
#include <iterator>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

namespace featx {
namespace {

using namespace torch::jit;

// Replaces each constant for which `other` gives another.
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

void add_tensors(Block* block, std::vector<Value*>& tensors) {
  const auto add = [&](at::ArrayRef<Value*> values) {
    std::copy_if(values.begin(), values.end(), std::back_inserter(tensors), [](const Value* value) {
      return value->type()->kind() == TypeKind::TensorType;
    });
  };
  add(block->inputs());
  for (Node* node : block->nodes()) {
    add(node->outputs());
    for (Block* inner : node->blocks()) {
      add_tensors(inner, tensors);
    }
  }
}

// The order is the same in copies of the graph.
std::vector<Value*> tensors_of(const std::shared_ptr<Graph>& graph) {
  std::vector<Value*> tensors;
  add_tensors(graph->block(), tensors);
  return tensors;
}

// Notes a tensor's type as soon as it is computed. Of several rounds of a loop, what their types have in common.
void note_type(Value* tensor, TensorTypePtr& noted) {
  const auto note = [&noted](Stack& stack) {
    pop(stack); // the number of the call
    const auto value = pop(stack);
    if (!value.isTensor()) {
      return; // what `with` enters, or what stands after a return or a raise: a tensor by its type alone
    }
    const auto& computed = value.toTensor();
    const auto type =
        computed.defined() ? tensorTypeInCurrentExecutionContext(computed) : TensorType::get()->withUndefined();
    noted = noted ? noted->merge(*type) : type;
  };
  auto* noting = new ProfileIValueOp(tensor->owningGraph(), note); // the graph frees it
  noting->addInput(tensor);
  if (tensor->node()->kind() == prim::Param) {
    tensor->node()->owningBlock()->prependNode(noting);
  } else {
    noting->insertAfter(tensor->node());
  }
}

std::shared_ptr<Graph> noting_types(const std::shared_ptr<Graph>& graph, std::vector<TensorTypePtr>& types) {
  auto noting = graph->copy();
  const auto tensors = tensors_of(noting);
  types.resize(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    note_type(tensors[i], types[i]);
  }
  return noting;
}

// Gives a tensor the shape that it has in a batch of `batch` times the recorded images.
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

RunnableGraph::RunnableGraph(std::shared_ptr<Graph> graph) : code_(std::move(graph), "forward") {}

void RunnableGraph::run(Stack& stack) const {
  InterpreterState(code_).run(stack);
}

Recording::Recording(const std::shared_ptr<Graph>& graph) : graph_(graph->copy()), noting_(noting_types(graph, types_)) {}

void Recording::run(Stack& stack) const {
  noting_.run(stack);
}

std::shared_ptr<Graph> Recording::recorded(int64_t batch) const {
  auto graph = graph_->copy();
  const auto tensors = tensors_of(graph);
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i]->setType(types_[i] ? types_[i] : TensorType::get());
  }
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
  join(graph, [](const Node* node) { return is_winograd(node) || !can_fuse(node); });
  fuse(graph);
  return graph;
}

uint64_t packed_bytes(const at::Tensor& constant) {
  return has_winograd(constant) ? winograd_bytes(constant) : constant.nbytes();
}

void lay_weights(const std::shared_ptr<Graph>& graph, at::MemoryFormat format) {
  for (const auto kind : CONVOLUTIONS) {
    for (Node* node : findAllNodes(*graph, kind, /*recurse=*/true)) {
      const auto weight = toIValue(node->input(1));
      if (weight && weight->isTensor() && weight->toTensor().dim() == 4) {
        WithInsertPoint here(node);
        node->replaceInput(1, graph->insertConstant(weight->toTensor().contiguous(format)));
      }
    }
  }
  EliminateDeadCode(graph);
}

void compute_in(const std::shared_ptr<Graph>& graph, at::ScalarType type) {
  replace_constants(graph, [&](const IValue& value) -> std::optional<IValue> {
    if (!value.isTensor() || !at::isFloatingType(value.toTensor().scalar_type())) {
      return std::nullopt;
    }
    const auto& tensor = value.toTensor();
    const bool is_number = tensor.dim() == 0 && tensor.scalar_type() == at::kDouble; // changes no result's type
    return is_number ? std::nullopt : std::optional<IValue>(tensor.to(type));
  });
  take_images_in(graph, type);
}

void take_images_in(const std::shared_ptr<Graph>& graph, at::ScalarType type) {
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
