#include "pointwise.h"

#include <map>
#include <optional>
#include <string>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

namespace featx {
namespace {

using namespace torch::jit;

// What oneDNN can apply while it has a convolution's results at hand, by mkldnn::_convolution_pointwise's names.
const char* activation_name(const Node* node) {
  static const std::map<Symbol, const char*> names = {
      {aten::relu, "relu"},
      {aten::relu_, "relu"},
      {aten::hardswish, "hardswish"},
      {aten::hardswish_, "hardswish"},
      {aten::hardsigmoid, "hardsigmoid"},
      {aten::hardsigmoid_, "hardsigmoid"},
      {aten::silu, "swish"},
      {aten::silu_, "swish"},
      {aten::sigmoid, "sigmoid"},
      {aten::sigmoid_, "sigmoid"},
  };
  const auto found = names.find(node->kind());
  return found == names.end() ? nullptr : found->second;
}

// A convolution's constant arguments.
struct Convolution {
  at::Tensor weight;
  c10::List<int64_t> stride, padding, dilation;
  int64_t groups;
};

std::optional<Convolution> constant_convolution(Node* node) {
  const auto argument = [&](const char* name) { return toIValue(node->namedInput(name)).value_or(IValue()); };
  const auto weight = argument("weight"), stride = argument("stride"), padding = argument("padding"),
             dilation = argument("dilation"), groups = argument("groups");
  const bool is_constant = weight.isTensor() && stride.isIntList() && padding.isIntList() && dilation.isIntList() &&
      groups.isInt() && weight.toTensor().dim() == 4;
  const bool is_transposed = node->hasNamedInput("transposed") && argument("transposed") != IValue(false);
  if (!is_constant || is_transposed) {
    return std::nullopt;
  }
  return Convolution{weight.toTensor(), stride.toIntList(), padding.toIntList(), dilation.toIntList(), groups.toInt()};
}

at::Tensor packed(const Convolution& convolution, const std::vector<int64_t>& input_size) {
  Stack stack{
      convolution.weight,   convolution.padding, convolution.stride,
      convolution.dilation, convolution.groups,  c10::IValue(c10::List<int64_t>(input_size))};
  c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "").callBoxed(&stack);
  return stack.back().toTensor();
}

// Puts the joined operation in a convolution's place, and in that of the activation behind it.
bool join(const std::shared_ptr<Graph>& graph, Node* node, int64_t batch) {
  const auto convolution = constant_convolution(node);
  const auto type = node->input(0)->type()->cast<TensorType>();
  auto input_size = type ? type->sizes().concrete_sizes() : std::nullopt;
  if (!convolution || !input_size || input_size->size() != 4) {
    return false;
  }
  input_size->at(0) *= batch;
  Node* last = node;
  const char* activation = "none";
  if (node->output()->uses().size() == 1) {
    Node* user = node->output()->uses()[0].user;
    if (activation_name(user) && user->owningBlock() == node->owningBlock()) {
      activation = activation_name(user);
      last = user;
    }
  }
  WithInsertPoint here(node);
  // An opaque tensor cannot be an ordinary constant.
  Node* weight = graph->create(prim::ConstantMKLDNNTensor);
  weight->t_(attr::value, packed(*convolution, *input_size));
  graph->insertNode(weight);
  Node* no_scalars = graph->insertNode(graph->createList(OptionalType::create(NumberType::get()), {}));
  Node* joined = graph->create(Symbol::fromQualString("mkldnn::_convolution_pointwise"));
  joined->addInput(node->input(0));
  joined->addInput(weight->output());
  joined->addInput(node->namedInput("bias"));
  for (const char* name : {"padding", "stride", "dilation", "groups"}) {
    joined->addInput(node->namedInput(name));
  }
  joined->addInput(graph->insertConstant(std::string(activation)));
  joined->addInput(no_scalars->output());
  joined->addInput(graph->insertConstant(IValue()));
  joined->output()->setType(last->output()->type()); // the shape that the next convolution is packed for
  graph->insertNode(joined);
  last->output()->replaceAllUsesWith(joined->output());
  if (last != node) {
    last->destroy();
  }
  node->destroy();
  return true;
}

} // namespace

std::shared_ptr<Graph> pointwise(const std::shared_ptr<Graph>& recorded, int64_t batch) {
  auto graph = recorded->copy();
  size_t count = 0;
  for (const auto kind : {aten::conv2d, aten::_convolution, aten::convolution}) {
    for (Node* node : findAllNodes(*graph, kind, /*recurse=*/true)) {
      count += join(graph, node, batch) ? 1 : 0;
    }
  }
  TORCH_CHECK(count > 0, "no convolution to join");
  EliminateDeadCode(graph);
  return graph;
}

} // namespace featx
