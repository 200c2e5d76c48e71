// The cut, on the TorchScript graph (cf. the passes under torch/csrc/jit/passes). Before, wanted "features.1":
//
//   graph(%self, %x):
//     %features = prim::GetAttr[name="features"](%self)
//     %y = prim::CallMethod[name="forward"](%features, %x)
//     %z = aten::flatten(%y, ...)
//     return (%z)
//
// After:
//
//   graph(%self, %x):
//     %list = prim::ListConstruct(%unset)
//     %features = prim::GetAttr[name="features"](%self)
//     ...                                          (features.forward inlined)
//     %y1 = aten::relu_(%y0)                       (features.1.forward inlined)
//     %c = aten::clone(%y1, contiguous)
//     %k = aten::_set_item(%list, 0, %c)
//     return (%list)
//
// The clone keeps a later in-place operation (a ReLU, say) from changing what was captured.

#include "load/layers.h"

#include <unordered_map>
#include <unordered_set>

#include <ATen/ops/empty.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include "load/walk.h"

namespace featx {
namespace {

using namespace torch::jit;
bool holds_tensor(const TypePtr& type) {
  if (type->isSubtypeOf(*TensorType::get())) {
    return true;
  }
  switch (type->kind()) {
    case TypeKind::TupleType:
    case TypeKind::ListType:
    case TypeKind::OptionalType:
      break;
    case TypeKind::DictType:
      return holds_tensor(type->expectRef<DictType>().getValueType());
    default:
      return false;
  }
  for (const auto& inner : type->containedTypes()) {
    if (holds_tensor(inner)) {
      return true;
    }
  }
  return false;
}

// The value that `some` gives, or `none` where the condition holds; its nodes go into a branch of their own.
template <typename Some>
Value* unless(Graph& graph, Value* condition, Value* none, const Some& some) {
  Node* branch = graph.insertNode(graph.create(prim::If, {condition}, 1));
  branch->addBlock()->registerOutput(none);
  Block* otherwise = branch->addBlock();
  WithInsertPoint inside(otherwise);
  otherwise->registerOutput(some());
  branch->output()->setType(TensorType::get());
  return branch->output();
}

// Nodes, at the graph's insert point, that reach the first tensor inside a value, or `unset` where it turns out to hold
// none; null where its type can hold none.
Value* first_tensor(Graph& graph, Value* value, Value* unset) {
  const auto type = value->type();
  if (!holds_tensor(type)) {
    return nullptr;
  }
  switch (type->kind()) {
    case TypeKind::TupleType: {
      const auto elements = type->expectRef<TupleType>().elements();
      size_t i = 0;
      while (!holds_tensor(elements[i])) {
        ++i;
      }
      auto* index = graph.insertConstant(static_cast<int64_t>(i));
      auto* node = graph.insertNode(graph.createTupleIndex(value, index, elements[i]));
      return first_tensor(graph, node->output(), unset);
    }
    case TypeKind::ListType: {
      Value* empty = graph.insert(aten::eq, {graph.insert(aten::len, {value}), 0});
      return unless(graph, empty, unset, [&] {
        return first_tensor(graph, graph.insert(aten::__getitem__, {value, 0}), unset);
      });
    }
    case TypeKind::DictType:
      return first_tensor(graph, graph.insert(aten::values, {value}), unset);
    case TypeKind::OptionalType: {
      Value* absent = graph.insert(aten::__is__, {value, graph.insertConstant(IValue())});
      return unless(graph, absent, unset, [&] {
        return first_tensor(graph, graph.insert(aten::_unwrap_optional, {value}), unset);
      });
    }
    default:
      return value;
  }
}

// The tensor that a forward hook would see: the call's first output tensor. A traced module that did nothing returns
// None, and then it is the call's first tensor argument. Null where there is neither.
Value* activation_of(Graph& graph, Node* call, Value* unset) {
  if (Value* output = first_tensor(graph, call->output(), unset)) {
    return output;
  }
  for (Value* input : call->inputs().slice(1)) {
    if (Value* tensor = first_tensor(graph, input, unset)) {
      return tensor;
    }
  }
  return nullptr;
}

// Puts a clone of every wanted activation into a list, at the place where its module was called.
class Capturer : public Walk {
 public:
  Capturer(Graph& graph, const Module& root, const Names& names, std::unordered_map<int64_t, int64_t> slots)
      : Walk(graph, root), names_(names), slots_(std::move(slots)) {
    WithInsertPoint start(*graph.nodes().begin());
    unset_ = graph.insertConstant(at::empty({0}));
    std::vector<Value*> none(slots_.size(), unset_);
    list = graph.insertNode(graph.createList(TensorType::get(), none))->output();
  }
  Value* list;
  std::unordered_set<int64_t> untraced; // entries called without any tensor in or out
  std::unordered_set<int64_t> read; // entries whose tensors something reads

 protected:
  void on_forward(Node* call, const Module& callee) override {
    const auto entry = names_.find(callee);
    auto slot = slots_.find(entry);
    if (slot == slots_.end()) {
      return;
    }
    WithInsertPoint here(call->next());
    Value* tensor = activation_of(graph_, call, unset_);
    if (!tensor) {
      untraced.insert(entry);
      return;
    }
    const auto contiguous = static_cast<int64_t>(at::MemoryFormat::Contiguous);
    Value* kept = graph_.insert(aten::clone, {tensor}, {NamedValue("memory_format", contiguous)});
    graph_.insert(aten::_set_item, {list, slot->second, kept});
  }
  void on_attribute(const Module& owner, const IValue& value) override {
    if (value.isTensor()) {
      read.insert(names_.find(owner));
    }
  }

 private:
  const Names& names_;
  std::unordered_map<int64_t, int64_t> slots_;
  Value* unset_; // what a layer has that a batch does not reach: no elements, and no image's row
};

// The slot that a node captures into; -1 where it is no capture.
int64_t slot_of(Node* node, const Value* list) {
  if (node->kind() != aten::_set_item || node->input(0) != list) {
    return -1;
  }
  return toIValue(node->input(1))->toInt();
}

// Calls see(slot, in_loop) for each capture in the block and below.
template <typename See>
void each_capture(Block* block, const Value* list, bool in_loop, const See& see) {
  for (Node* node : block->nodes()) {
    const auto slot = slot_of(node, list);
    if (slot >= 0) {
      see(slot, in_loop);
    }
    for (Block* inner : node->blocks()) {
      each_capture(inner, list, in_loop || node->kind() == prim::Loop, see);
    }
  }
}

bool holds_capture(Node* node, const Value* list) {
  bool found = slot_of(node, list) >= 0;
  for (Block* block : node->blocks()) {
    each_capture(block, list, false, [&](int64_t, bool) { found = true; });
  }
  return found;
}

// The list becomes the graph's only output, and branches that eval mode never takes go.
void return_only(std::shared_ptr<Graph>& graph, Value* list) {
  while (!graph->outputs().empty()) {
    graph->eraseOutput(graph->outputs().size() - 1);
  }
  graph->registerOutput(list);
  ConstantPropagationImmutableTypes(graph);
}

// Nothing behind the last capture is wanted, whatever it does.
void drop_tail(std::shared_ptr<Graph>& graph, const Value* list) {
  for (Node* node = graph->return_node()->prev(); node != graph->param_node() && !holds_capture(node, list);) {
    Node* earlier = node->prev();
    if (node != list->node()) {
      node->destroy();
    }
    node = earlier;
  }
  EliminateDeadCode(graph);
}

void replace_forward(Module& module, std::shared_ptr<Graph> graph) {
  auto type = module.type();
  auto unit = type->compilation_unit();
  const c10::QualifiedName name(*type->name(), "forward");
  type->unsafeRemoveMethod("forward");
  unit->unsafeRemoveMethod(name);
  type->addMethod(unit->create_function(name, std::move(graph)));
}

// A forward may take more than the image, if it has defaults for the rest.
void bind_defaults(Graph& graph, const FunctionSchema& schema) {
  const auto& arguments = schema.arguments(); // self first
  TORCH_CHECK(arguments.size() > 1, "its forward takes no image");
  const auto& images = arguments.at(1).type();
  TORCH_CHECK(TensorType::get()->isSubtypeOf(*images), "its forward takes a ", images->repr_str(),
              "; expected a Tensor, the images");
  WithInsertPoint start(*graph.nodes().begin());
  for (size_t i = graph.inputs().size() - 1; i > 1; --i) {
    const auto& value = arguments.at(i).default_value();
    TORCH_CHECK(value, "its forward takes ", arguments.size() - 1, " inputs; expected one, the images");
    graph.inputs().at(i)->replaceAllUsesWith(graph.insertConstant(*value));
    graph.eraseInput(i);
  }
}

std::string class_name(const Module& module) {
  return module.type()->name()->name();
}

int64_t count_parameters(const Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) {
    count += parameter.numel();
  }
  return count;
}

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

std::vector<Layer> survey(const Module& module) {
  const Names names(module);
  std::vector<Layer> layers;
  std::unordered_map<int64_t, int64_t> slots;
  for (const auto& entry : names.entries()) {
    Layer layer;
    layer.name = entry.name;
    layer.type = class_name(entry.module);
    layer.parameters = count_parameters(entry.module);
    const auto index = static_cast<int64_t>(layers.size());
    slots.emplace(index, index);
    layers.push_back(std::move(layer));
  }
  auto graph = module.get_method("forward").graph()->copy();
  Capturer capturer(*graph, module, names, std::move(slots));
  capturer.run();
  return_only(graph, capturer.list);
  each_capture(graph->block(), capturer.list, false, [&](int64_t slot, bool in_loop) {
    layers[slot].calls += 1;
    layers[slot].in_loop = layers[slot].in_loop || in_loop;
  });
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].no_trace = layers[i].calls == 0 && capturer.untraced.count(static_cast<int64_t>(i));
    layers[i].weights_used = capturer.read.count(static_cast<int64_t>(i));
  }
  return layers;
}

void cut(Module& module, const std::vector<std::string>& wanted) {
  const Names names(module);
  std::unordered_map<std::string, int64_t> slot_of_name;
  for (const auto& name : wanted) {
    slot_of_name.emplace(name, static_cast<int64_t>(slot_of_name.size()));
  }
  std::unordered_map<int64_t, int64_t> slots;
  for (size_t i = 0; i < names.entries().size(); ++i) {
    auto slot = slot_of_name.find(names.entries()[i].name);
    if (slot != slot_of_name.end()) {
      slots.emplace(static_cast<int64_t>(i), slot->second);
    }
  }
  TORCH_CHECK(slots.size() == wanted.size(), "a wanted layer is not in the module, or is wanted twice");
  const auto forward = module.get_method("forward");
  std::shared_ptr<Graph> graph = forward.graph()->copy();
  bind_defaults(*graph, forward.function().getSchema());
  Capturer capturer(*graph, module, names, std::move(slots));
  capturer.run();
  return_only(graph, capturer.list);
  drop_tail(graph, capturer.list);
  replace_forward(module, graph);
}

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

void drop_needless_clones(const std::shared_ptr<Graph>& graph) {
  Value* list = graph->outputs().at(0);
  AliasDb aliases(graph);
  std::vector<Node*> needless;
  for (const Use& use : list->uses()) {
    Node* clone = use.user->kind() == aten::_set_item ? use.user->input(2)->node() : nullptr;
    if (!clone || clone->kind() != aten::clone) {
      continue;
    }
    Value* source = clone->input(0);
    const bool callers = aliases.mayContainAlias(source, graph->inputs()); // the input's memory is used again
    if (!callers && !aliases.hasWriters(source)) {
      needless.push_back(clone);
    }
  }
  for (Node* clone : needless) {
    clone->output()->replaceAllUsesWith(clone->input(0));
    clone->destroy();
  }
}

} // namespace featx
