#include "pointwise.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

namespace featx {
namespace {

using namespace torch::jit;

// What oneDNN can apply while it has an operation's results at hand, as mkldnn::_convolution_pointwise takes it.
struct Activation {
  const char* name = "none";
  std::vector<IValue> scalars;
  IValue algorithm;
};

IValue constant_argument(const Node* node, const char* name) {
  return toIValue(node->namedInput(name)).value_or(IValue());
}

std::optional<Activation> constant_activation(const Node* node) {
  static const std::map<Symbol, const char*> names = {
      {aten::relu, "relu"},
      {aten::relu_, "relu"},
      {aten::relu6, "hardtanh"},
      {aten::relu6_, "hardtanh"},
      {aten::hardtanh, "hardtanh"},
      {aten::hardtanh_, "hardtanh"},
      {aten::leaky_relu, "leaky_relu"},
      {aten::leaky_relu_, "leaky_relu"},
      {aten::hardswish, "hardswish"},
      {aten::hardswish_, "hardswish"},
      {aten::hardsigmoid, "hardsigmoid"},
      {aten::hardsigmoid_, "hardsigmoid"},
      {aten::silu, "swish"},
      {aten::silu_, "swish"},
      {aten::sigmoid, "sigmoid"},
      {aten::sigmoid_, "sigmoid"},
      {aten::tanh, "tanh"},
      {aten::tanh_, "tanh"},
      {aten::gelu, "gelu"},
  };
  const auto found = names.find(node->kind());
  if (found == names.end()) {
    return std::nullopt;
  }
  Activation activation{found->second, {}, {}};
  const auto kind = node->kind();
  if (kind == aten::relu6 || kind == aten::relu6_) {
    activation.scalars = {0.0, 6.0};
  } else if (kind == aten::hardtanh || kind == aten::hardtanh_) {
    activation.scalars = {constant_argument(node, "min_val"), constant_argument(node, "max_val")};
  } else if (kind == aten::leaky_relu || kind == aten::leaky_relu_) {
    activation.scalars = {constant_argument(node, "negative_slope")};
  } else if (kind == aten::gelu) {
    activation.algorithm = constant_argument(node, "approximate");
  }
  const bool is_constant = std::all_of(activation.scalars.begin(), activation.scalars.end(), [](const IValue& scalar) {
    return scalar.isScalar();
  });
  return is_constant ? std::optional<Activation>(activation) : std::nullopt;
}

// A convolution's constant arguments.
struct Convolution {
  at::Tensor weight;
  c10::List<int64_t> stride, padding, dilation;
  int64_t groups;
};

std::optional<Convolution> constant_convolution(Node* node) {
  const auto argument = [&](const char* name) { return constant_argument(node, name); };
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

at::Tensor packed(const at::Tensor& weight, int64_t rows) {
  Stack stack{weight, rows};
  c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_linear_weight", "").callBoxed(&stack);
  return stack.back().toTensor();
}

// The sizes of a tensor whose batch is so many times the recorded one.
std::optional<std::vector<int64_t>> sizes(const Value* tensor, int64_t batch) {
  const auto type = tensor->type()->cast<TensorType>();
  auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  if (sizes && !sizes->empty()) {
    sizes->at(0) *= batch;
  }
  return sizes;
}

// Puts an operation with packed weights in a node's place, and in that of the activation behind it. Arguments between
// weight and activation are taken from the node by their names.
void replace(
    const std::shared_ptr<Graph>& graph,
    Node* node,
    const char* operation,
    const at::Tensor& packed_weight,
    std::initializer_list<const char*> arguments) {
  Node* last = node;
  Activation activation;
  if (node->output()->uses().size() == 1) {
    Node* user = node->output()->uses()[0].user;
    const auto behind = constant_activation(user);
    if (behind && user->owningBlock() == node->owningBlock()) {
      activation = *behind;
      last = user;
    }
  }
  WithInsertPoint here(node);
  // An opaque tensor cannot be an ordinary constant.
  Node* weight = graph->create(prim::ConstantMKLDNNTensor);
  weight->t_(attr::value, packed_weight);
  graph->insertNode(weight);
  std::vector<Value*> scalars;
  for (const auto& scalar : activation.scalars) {
    scalars.push_back(graph->insertConstant(scalar));
  }
  Node* scalar_list = graph->insertNode(graph->createList(OptionalType::create(NumberType::get()), scalars));
  Node* joined = graph->create(Symbol::fromQualString(operation));
  joined->addInput(node->input(0));
  joined->addInput(weight->output());
  for (const char* name : arguments) {
    joined->addInput(node->namedInput(name));
  }
  joined->addInput(graph->insertConstant(std::string(activation.name)));
  joined->addInput(scalar_list->output());
  joined->addInput(graph->insertConstant(activation.algorithm));
  joined->output()->setType(last->output()->type()); // the shape that the next one is packed for
  graph->insertNode(joined);
  last->output()->replaceAllUsesWith(joined->output());
  if (last != node) {
    last->destroy();
  }
  node->destroy();
}

bool join_convolution(const std::shared_ptr<Graph>& graph, Node* node, int64_t batch) {
  const auto convolution = constant_convolution(node);
  const auto input_size = sizes(node->input(0), batch);
  if (!convolution || !input_size || input_size->size() != 4) {
    return false;
  }
  const auto weight = packed(*convolution, *input_size);
  replace(
      graph, node, "mkldnn::_convolution_pointwise", weight, {"bias", "padding", "stride", "dilation", "groups"});
  return true;
}

bool join_linear(const std::shared_ptr<Graph>& graph, Node* node, int64_t batch) {
  const auto weight = constant_argument(node, "weight");
  const auto input_size = sizes(node->input(0), batch);
  if (!weight.isTensor() || weight.toTensor().dim() != 2 || !input_size || input_size->size() < 2) {
    return false;
  }
  const auto rows = c10::multiply_integers(input_size->begin(), input_size->end() - 1);
  replace(graph, node, "mkldnn::_linear_pointwise", packed(weight.toTensor(), rows), {"bias"});
  return true;
}

} // namespace

std::shared_ptr<Graph> pointwise(const std::shared_ptr<Graph>& recorded, int64_t batch) {
  auto graph = recorded->copy();
  size_t count = 0;
  for (const auto kind : {aten::conv2d, aten::_convolution, aten::convolution}) {
    for (Node* node : findAllNodes(*graph, kind, /*recurse=*/true)) {
      count += join_convolution(graph, node, batch) ? 1 : 0;
    }
  }
  for (Node* node : findAllNodes(*graph, aten::linear, /*recurse=*/true)) {
    count += join_linear(graph, node, batch) ? 1 : 0;
  }
  TORCH_CHECK(count > 0, "nothing to join");
  EliminateDeadCode(graph);
  return graph;
}

} // namespace featx
