#include "fast/pointwise.h"

#include "fast/winograd.h"

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

// An activation that oneDNN can apply to an operation's results, as mkldnn::_convolution_pointwise takes it.
struct Activation {
  const char* name = "none";
  std::vector<IValue> scalars;
  IValue algorithm;
};

IValue constant_argument(const Node* node, const char* name) {
  return toIValue(node->namedInput(name)).value_or(IValue());
}

// How to make an activation of an operation: its scalars, or the arguments that hold them, and the argument that names
// its algorithm.
struct Rule {
  const char* name;
  std::vector<IValue> scalars = {};
  std::vector<const char*> arguments = {};
  const char* algorithm = nullptr;
};

// The rule of an operation, in place or not; null if there is none.
const Rule* find_rule(Symbol kind) {
  static const std::map<std::string, Rule> rules = {
      {"relu", {"relu"}},
      {"relu6", {"hardtanh", {0.0, 6.0}}},
      {"hardtanh", {"hardtanh", {}, {"min_val", "max_val"}}},
      {"leaky_relu", {"leaky_relu", {}, {"negative_slope"}}},
      {"hardswish", {"hardswish"}},
      {"hardsigmoid", {"hardsigmoid"}},
      {"silu", {"swish"}},
      {"sigmoid", {"sigmoid"}},
      {"tanh", {"tanh"}},
      {"gelu", {"gelu", {}, {}, "approximate"}},
  };
  std::string name = kind.toUnqualString();
  if (name.back() == '_') {
    name.pop_back();
  }
  const auto found = rules.find(name);
  return kind.is_aten() && found != rules.end() ? &found->second : nullptr;
}

std::optional<Activation> constant_activation(const Node* node) {
  const Rule* rule = find_rule(node->kind());
  if (!rule) {
    return std::nullopt;
  }
  Activation activation{rule->name, rule->scalars, {}};
  for (const char* argument : rule->arguments) {
    activation.scalars.push_back(constant_argument(node, argument));
    if (!activation.scalars.back().isScalar()) {
      return std::nullopt;
    }
  }
  if (rule->algorithm) {
    activation.algorithm = constant_argument(node, rule->algorithm);
  }
  return activation;
}

// A convolution's constant arguments.
struct Convolution {
  at::Tensor weight;
  c10::List<int64_t> stride, padding, dilation;
  int64_t groups;
};

std::optional<Convolution> constant_convolution(const Node* node) {
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

std::optional<std::vector<int64_t>> sizes(const Value* tensor) {
  const auto type = tensor->type()->cast<TensorType>();
  return type ? type->sizes().concrete_sizes() : std::nullopt;
}

bool is_any(const Activation& /*activation*/) {
  return true;
}

// Whether featx::winograd can apply it.
bool is_clamp(const Activation& activation) {
  const std::string name = activation.name;
  return name == "relu" || name == "hardtanh";
}

// Replaces a node by an operation with packed weights. Also replaces the activation after it, if the operation applies
// it. Arguments between weight and activation are taken from the node by their names.
void replace(
    const std::shared_ptr<Graph>& graph,
    Node* node,
    const char* operation,
    bool (*applies)(const Activation&),
    const at::Tensor& packed_weight,
    std::initializer_list<const char*> arguments) {
  Node* last = node;
  Activation activation;
  if (node->output()->uses().size() == 1) {
    Node* user = node->output()->uses()[0].user;
    const auto next = constant_activation(user);
    if (next && applies(*next) && user->owningBlock() == node->owningBlock()) {
      activation = *next;
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

bool is_all(const c10::List<int64_t>& values, int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](int64_t value) { return value == wanted; });
}

// Channels lie last, as featx::winograd leaves them.
bool has_channels_last(const Value* images) {
  const auto type = images->type()->cast<TensorType>();
  const auto strides = type ? type->strides().concrete_sizes() : std::nullopt;
  return strides && strides->size() == 4 && strides->at(1) == 1;
}

bool is_winograd(const Convolution& convolution, const Value* images) {
  return has_channels_last(images) && is_all(convolution.stride, 1) && is_all(convolution.dilation, 1) &&
      convolution.groups == 1 && convolution.padding.size() == 2 && has_winograd(convolution.weight);
}

bool join_convolution(const std::shared_ptr<Graph>& graph, Node* node) {
  const auto convolution = constant_convolution(node);
  const auto input_size = sizes(node->input(0));
  if (!convolution || !input_size || input_size->size() != 4) {
    return false;
  }
  if (is_winograd(*convolution, node->input(0))) {
    replace(graph, node, WINOGRAD, is_clamp, winograd_weight(convolution->weight), {"bias", "padding"});
  } else {
    replace(
        graph, node, "mkldnn::_convolution_pointwise", is_any, packed(*convolution, *input_size),
        {"bias", "padding", "stride", "dilation", "groups"});
  }
  return true;
}

bool join_linear(const std::shared_ptr<Graph>& graph, Node* node) {
  const auto weight = constant_argument(node, "weight");
  const auto input_size = sizes(node->input(0));
  if (!weight.isTensor() || weight.toTensor().dim() != 2 || !input_size || input_size->size() < 2) {
    return false;
  }
  const auto rows = c10::multiply_integers(input_size->begin(), input_size->end() - 1);
  replace(graph, node, "mkldnn::_linear_pointwise", is_any, packed(weight.toTensor(), rows), {"bias"});
  return true;
}

} // namespace

bool is_convolution(const Node* node) {
  return std::count(CONVOLUTIONS.begin(), CONVOLUTIONS.end(), node->kind()) > 0;
}

bool is_winograd(const Node* node) {
  const auto convolution = is_convolution(node) ? constant_convolution(node) : std::nullopt;
  return convolution && is_winograd(*convolution, node->input(0));
}

size_t join(const std::shared_ptr<Graph>& graph, bool (*wanted)(const Node*)) {
  size_t count = 0;
  const auto join_all = [&](Symbol kind, const auto& join) {
    for (Node* node : findAllNodes(*graph, kind, /*recurse=*/true)) {
      count += wanted(node) && join(graph, node) ? 1 : 0;
    }
  };
  for (const auto kind : CONVOLUTIONS) {
    join_all(kind, join_convolution);
  }
  join_all(aten::linear, join_linear);
  EliminateDeadCode(graph);
  return count;
}

} // namespace featx
