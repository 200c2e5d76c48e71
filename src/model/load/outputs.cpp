#include "load/outputs.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

namespace featx {

using namespace torch::jit;

namespace {

bool is_number(const Choice& choice) {
  return !choice.empty() && choice.size() < 10 && choice.find_first_not_of("0123456789") == Choice::npos;
}

bool is_tensor(const TypePtr& type) {
  return type->isSubtypeOf(*TensorType::get());
}

// Number of tensors in a value of this type; nullopt if only computing it tells.
std::optional<size_t> count(const TypePtr& type) {
  if (is_tensor(type)) {
    return 1;
  }
  switch (type->kind()) {
    case TypeKind::ListType:
    case TypeKind::DictType: {
      const auto inner = count(type->containedTypes().back());
      return inner == 0 ? inner : std::nullopt;
    }
    case TypeKind::OptionalType:
      return count(type->expectRef<OptionalType>().getElementType());
    case TypeKind::TupleType: {
      size_t sum = 0;
      for (const auto& element : type->expectRef<TupleType>().elements()) {
        const auto inner = count(element);
        if (!inner) {
          return inner;
        }
        sum += *inner;
      }
      return sum;
    }
    case TypeKind::UnionType: {
      const auto members = type->containedTypes();
      const bool any = std::any_of(members.begin(), members.end(), [](const auto& member) { return count(member) != 0; });
      return any ? std::nullopt : std::optional<size_t>(0);
    }
    default:
      return 0;
  }
}

// The value that `some` gives, or `none` where the condition holds; its nodes go into a branch of their own.
template <typename Some>
Value* unless(Graph& graph, Value* condition, Value* none, const Some& some) {
  Node* branch = graph.insertNode(graph.create(prim::If, {condition}, 1));
  branch->addBlock()->registerOutput(none);
  Block* otherwise = branch->addBlock();
  WithInsertPoint inside(otherwise);
  Value* found = some();
  otherwise->registerOutput(found ? found : none);
  branch->output()->setType(TensorType::get());
  return branch->output();
}

template <typename Some>
Value* unless_none(Graph& graph, Value* value, Value* unset, const Some& some) {
  Value* absent = graph.insert(aten::__is__, {value, graph.insertConstant(IValue())});
  return unless(graph, absent, unset, [&] { return some(graph.insert(aten::_unwrap_optional, {value})); });
}

Value* element_of(Graph& graph, Value* tuple, size_t i) {
  auto* index = graph.insertConstant(static_cast<int64_t>(i));
  const auto& type = tuple->type()->expectRef<TupleType>().elements().at(i);
  return graph.insertNode(graph.createTupleIndex(tuple, index, type))->output();
}

Value* numbered(Graph& graph, Value* value, size_t number, Value* unset);

Value* numbered_in_tuple(Graph& graph, Value* tuple, size_t number, Value* unset) {
  const auto elements = tuple->type()->expectRef<TupleType>().elements();
  for (size_t i = 0; i < elements.size(); ++i) {
    const auto here = count(elements[i]);
    if (!here || number < *here) {
      return numbered(graph, element_of(graph, tuple, i), number, unset);
    }
    number -= *here;
  }
  return nullptr;
}

Value* numbered_in_list(Graph& graph, Value* list, size_t number, Value* unset) {
  const size_t each = count(list->type()->expectRef<ListType>().getElementType()).value_or(1);
  const auto index = static_cast<int64_t>(number / each);
  Value* shorter = graph.insert(aten::le, {graph.insert(aten::len, {list}), index});
  return unless(graph, shorter, unset, [&] {
    return numbered(graph, graph.insert(aten::__getitem__, {list, index}), number % each, unset);
  });
}

// What `some` gives for the value, taken as the member of its union that it is at run time.
template <typename Some>
Value* as_member(Graph& graph, Value* value, Value* unset, const Some& some) {
  Value* found = unset;
  for (const auto& member : value->type()->containedTypes()) {
    if (count(member) == 0) {
      continue;
    }
    Value* is = graph.insertNode(graph.createIsInstance(value, {member}))->output();
    found = unless(graph, graph.insert(aten::__not__, {is}), found, [&] {
      return some(graph.insertUncheckedCast(value, member));
    });
  }
  return found;
}

// The tensor of this number, in the order in which a reader meets them.
Value* numbered(Graph& graph, Value* value, size_t number, Value* unset) {
  const auto type = value->type();
  const auto held = count(type);
  if (held && number >= *held) {
    return nullptr;
  }
  switch (type->kind()) {
    case TypeKind::TupleType:
      return numbered_in_tuple(graph, value, number, unset);
    case TypeKind::ListType:
      return numbered_in_list(graph, value, number, unset);
    case TypeKind::DictType:
      return numbered_in_list(graph, graph.insert(aten::values, {value}), number, unset);
    case TypeKind::OptionalType:
      return unless_none(graph, value, unset, [&](Value* some) { return numbered(graph, some, number, unset); });
    case TypeKind::UnionType:
      return as_member(graph, value, unset, [&](Value* some) { return numbered(graph, some, number, unset); });
    default:
      return value;
  }
}

const std::vector<Argument>* fields_of(const TypePtr& type) {
  const auto tuple = type->cast<TupleType>();
  return tuple && tuple->schema() ? &tuple->schema()->arguments() : nullptr;
}

// The first tensor of the entry of this key or field.
Value* keyed(Graph& graph, Value* value, const Choice& key, Value* unset) {
  const auto type = value->type();
  if (const auto* fields = fields_of(type)) {
    for (size_t i = 0; i < fields->size(); ++i) {
      if ((*fields)[i].name() == key) {
        return numbered(graph, element_of(graph, value, i), 0, unset);
      }
    }
    return nullptr;
  }
  if (type->kind() == TypeKind::OptionalType) {
    return unless_none(graph, value, unset, [&](Value* some) { return keyed(graph, some, key, unset); });
  }
  if (type->kind() == TypeKind::UnionType) {
    return as_member(graph, value, unset, [&](Value* some) { return keyed(graph, some, key, unset); });
  }
  if (type->kind() != TypeKind::DictType || !type->expectRef<DictType>().getKeyType()->isSubtypeOf(*StringType::get())) {
    return nullptr;
  }
  Value* absent = graph.insert(aten::__not__, {graph.insert(aten::__contains__, {value, key})});
  return unless(graph, absent, unset, [&] {
    return numbered(graph, graph.insert(aten::__getitem__, {value, key}), 0, unset);
  });
}

// Keys of the dict that a function returns, if they are constants of its graph.
std::vector<Choice> keys(const Value* dict) {
  std::vector<Choice> found;
  const auto add = [&](Value* key) {
    const auto constant = toIValue(key);
    if (constant && constant->isString() &&
        std::find(found.begin(), found.end(), constant->toStringRef()) == found.end()) {
      found.push_back(constant->toStringRef());
    }
  };
  if (dict->node()->kind() == prim::DictConstruct) {
    for (size_t i = 0; i < dict->node()->inputs().size(); i += 2) {
      add(dict->node()->input(i));
    }
  }
  for (const Use& use : dict->uses()) {
    if (use.user->kind() == aten::_set_item && use.offset == 0) {
      add(use.user->input(1));
    }
  }
  return found;
}

bool is_getter(const Node* node) {
  return node->kind() == prim::GetAttr || node->kind() == prim::Constant;
}

// The tracer reads all attributes at the start, the last one first; a script reads the first one first.
Origin by_order_of_reads(const Graph& function) {
  std::vector<const Value*> reads;
  std::vector<const Value*> used;
  for (const Node* node : function.nodes()) {
    if (node->kind() == prim::GetAttr && node->input() == function.inputs().at(0)) {
      reads.push_back(node->output());
    }
    for (const Value* input : node->inputs()) {
      if (std::find(reads.begin(), reads.end(), input) != reads.end() &&
          std::find(used.begin(), used.end(), input) == used.end()) {
        used.push_back(input);
      }
    }
  }
  if (reads.size() < 2) {
    return Origin::UNKNOWN;
  }
  if (reads == used) {
    return Origin::SCRIPT;
  }
  std::reverse(used.begin(), used.end());
  return reads == used ? Origin::TRACE : Origin::UNKNOWN;
}

// Operations that only the tracer writes.
bool is_traced(const Node* node) {
  switch (node->kind()) {
    case aten::_convolution:
    case prim::NumToTensor:
      return true;
    case prim::CallMethod: {
      const auto& method = node->s(attr::name); // "forward1": a module's second call
      return method.size() > 7 && method.rfind("forward", 0) == 0 && std::isdigit(static_cast<unsigned char>(method[7]));
    }
    default:
      return false;
  }
}

// Operations that the tracer never writes.
bool is_scripted(const Node* node) {
  switch (node->kind()) {
    case aten::conv1d:
    case aten::conv2d:
    case aten::conv3d:
    case prim::RaiseException:
      return true;
    case prim::CallMethod:
      return node->s(attr::name).rfind("forward", 0) != 0;
    default:
      return !node->blocks().empty();
  }
}

bool has_parameters(const TypePtr& type) {
  const auto module = type->cast<ClassType>();
  for (size_t i = 0; module && i < module->numAttributes(); ++i) {
    if (module->is_parameter(i) || has_parameters(module->getAttribute(i))) {
      return true;
    }
  }
  return false;
}

// Whether a call is of a layer that computes. A trace may keep the same of a layer that gave back its input and of a
// layer whose result nothing used. If it has weights, it is the second.
bool computes(Node* call) {
  auto* function = tryToGraphFunction(call);
  const auto does = [](const Node* node) { return !is_getter(node); };
  return has_parameters(call->input(0)->type()) ||
         (function && std::any_of(function->graph()->nodes().begin(), function->graph()->nodes().end(), does));
}

} // namespace

Value* reach(Graph& graph, Value* value, const Choice& choice, Value* unset) {
  if (choice.empty() || is_number(choice)) {
    return numbered(graph, value, choice.empty() ? 0 : std::stoul(choice), unset);
  }
  return keyed(graph, value, choice, unset);
}

std::vector<Choice> choices(const Graph& function) {
  if (function.outputs().size() != 1) {
    return {};
  }
  const Value* value = function.outputs().at(0);
  const auto type = value->type();
  std::vector<Choice> names;
  if (const auto* fields = fields_of(type)) {
    for (const auto& field : *fields) {
      if (count(field.type()) != 0) {
        names.push_back(field.name());
      }
    }
    return names;
  }
  const auto held = count(type);
  if (!held && type->kind() == TypeKind::DictType) {
    names = keys(value);
  }
  if (names.empty()) {
    for (size_t i = 0; i < held.value_or(MOST); ++i) {
      names.push_back(std::to_string(i));
    }
  }
  return names;
}

Origin origin(const Graph& function) {
  const auto result = function.outputs().empty() ? TypeKind::NoneType : function.outputs().at(0)->type()->kind();
  if (result == TypeKind::ListType || result == TypeKind::DictType || result == TypeKind::OptionalType) {
    return Origin::SCRIPT;
  }
  bool worked = false; // something other than reading was done
  const auto by_reads = by_order_of_reads(function);
  bool traced = by_reads == Origin::TRACE;
  for (const Node* node : function.nodes()) {
    if (is_scripted(node) || (worked && node->kind() == prim::GetAttr)) {
      return Origin::SCRIPT;
    }
    worked = worked || !is_getter(node);
    traced = traced || is_traced(node);
  }
  return traced ? Origin::TRACE : by_reads;
}

bool computes_more(const Graph& function) {
  std::unordered_set<const Node*> needed{function.return_node()};
  std::vector<const Node*> open{function.return_node()};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    for (const Value* input : node->inputs()) {
      if (needed.insert(input->node()).second) {
        open.push_back(input->node());
      }
    }
  }
  const auto& nodes = function.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
    return node->kind() == prim::CallMethod && !needed.count(node) && computes(const_cast<Node*>(node));
  });
}

} // namespace featx
