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

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <ATen/ops/empty.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>

#include "load/outputs.h"
#include "load/walk.h"

namespace featx {
namespace {

using namespace torch::jit;
int64_t count_parameters(const Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) {
    count += parameter.numel();
  }
  return count;
}

std::string class_name(const Module& module) {
  return module.type()->name()->name();
}

// A traced module returns None if it gave its input back, and also if nothing used what it computed. Only these modules
// are sure to give it back, out of training.
bool gives_back_its_input(const Module& module) {
  static constexpr std::array CLASSES{"Identity", "Drop", "StochasticDepth"};
  const auto type = class_name(module);
  const auto names = [&](const char* word) { return type.find(word) != std::string::npos; };
  return count_parameters(module) == 0 && std::any_of(CLASSES.begin(), CLASSES.end(), names);
}

// The tensor that is wanted of a call's result: the chosen one, or the first one, as a forward hook would see it. A
// traced module that did nothing returns None: then it is the call's first tensor argument. Null if there is neither.
Value* activation_of(Graph& graph, Node* call, const Module& callee, const Choice& choice, Value* unset) {
  if (Value* output = reach(graph, call->output(), choice, unset)) {
    return output;
  }
  if (call->output()->type()->kind() == TypeKind::NoneType && gives_back_its_input(callee)) {
    for (Value* input : call->inputs().slice(1)) {
      if (Value* tensor = reach(graph, input, choice, unset)) {
        return tensor;
      }
    }
  }
  return nullptr;
}

struct Slot {
  int64_t index; // in the list
  Choice choice;
};
using Slots = std::unordered_map<int64_t, std::vector<Slot>>; // by entry of the names

// Puts a clone of every wanted activation into a list, at the place where its module was called.
class Capturer : public Walk {
 public:
  Capturer(Graph& graph, const Module& root, const Names& names, Slots slots)
      : Walk(graph, root), names_(names), slots_(std::move(slots)) {
    WithInsertPoint start(*graph.nodes().begin());
    unset_ = graph.insertConstant(at::empty({0}));
    size_t count = 0;
    for (const auto& [entry, wanted] : slots_) {
      count += wanted.size();
    }
    list = graph.insertNode(graph.createList(TensorType::get(), std::vector<Value*>(count, unset_)))->output();
  }
  void run() {
    Walk::run();
    for (Node* node : forgotten_) {
      node->destroy();
    }
  }
  // As run(); also captures what the module itself gives, if that is wanted.
  void run_and_return() {
    run();
    WithInsertPoint end(graph_.return_node());
    for (const Slot& slot : slots_[-1]) {
      keep(graph_.outputs().size() == 1 ? reach(graph_, graph_.outputs()[0], slot.choice, unset_) : nullptr, slot);
    }
  }
  Value* list;
  std::unordered_set<int64_t> without; // entries called without any tensor in or out
  std::unordered_set<int64_t> read; // entries whose tensors something reads
  std::unordered_map<int64_t, std::shared_ptr<Graph>> called; // what the last call of an entry runs

 protected:
  void on_forward(Node* call, const Module& callee) override {
    const auto entry = names_.find(callee);
    const auto wanted = slots_.find(entry);
    if (wanted == slots_.end()) {
      return;
    }
    if (auto* function = tryToGraphFunction(call)) {
      called[entry] = function->graph();
    }
    WithInsertPoint here(call->next());
    for (const Slot& slot : wanted->second) {
      if (!keep(activation_of(graph_, call, callee, slot.choice, unset_), slot)) {
        without.insert(entry);
        forget(slot);
      }
    }
  }
  void on_attribute(const Module& owner, const IValue& value) override {
    if (value.isTensor()) {
      read.insert(names_.find(owner));
    }
  }

 private:
  bool keep(Value* tensor, const Slot& slot) {
    if (tensor) {
      const auto contiguous = static_cast<int64_t>(at::MemoryFormat::Contiguous);
      Value* kept = graph_.insert(aten::clone, {tensor}, {NamedValue("memory_format", contiguous)});
      kept_[slot.index].push_back(graph_.insert(aten::_set_item, {list, slot.index, kept})->node());
    }
    return tensor;
  }
  // A hook keeps the last call. If that one is unknown, an earlier one is no substitute. The walk is still among these
  // nodes: they are removed after it.
  void forget(const Slot& slot) {
    auto& kept = kept_[slot.index];
    forgotten_.insert(forgotten_.end(), kept.begin(), kept.end());
    kept.clear();
  }
  const Names& names_;
  Slots slots_;
  std::unordered_map<int64_t, std::vector<Node*>> kept_; // by slot
  std::vector<Node*> forgotten_;
  Value* unset_; // what a layer has that a batch does not reach: no elements, and no image's row
};

// The slot that a node captures into; -1 if it is no capture.
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

// Makes the list the graph's only output, and removes branches that eval mode never takes.
void return_only(std::shared_ptr<Graph>& graph, Value* list) {
  while (!graph->outputs().empty()) {
    graph->eraseOutput(graph->outputs().size() - 1);
  }
  graph->registerOutput(list);
  ConstantPropagationImmutableTypes(graph);
}

// Removes everything after the last capture, in-place operations too.
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

// A graph that was traced on a GPU makes its own tensors there. Here they are made where the weights are.
void forget_devices(Block* block) {
  for (Node* node : block->nodes()) {
    const auto value = node->kind() == prim::Constant ? toIValue(node->output()) : std::nullopt;
    if (value && value->isDevice() && !value->toDevice().is_cpu()) {
      WithInsertPoint here(node);
      node->output()->replaceAllUsesWith(node->owningGraph()->insertConstant(c10::Device(c10::kCPU)));
    }
    for (Block* inner : node->blocks()) {
      forget_devices(inner);
    }
  }
}

// The origin of functions that do not tell it themselves: that of the model's own forward, or of the first that tells.
Origin origin_of_file(const Module& module, const Names& names) {
  Origin found = origin(*module.get_method("forward").graph());
  for (const auto& entry : names.entries()) {
    if (found != Origin::UNKNOWN) {
      break;
    }
    if (const auto forward = entry.module.find_method("forward")) {
      found = origin(*forward->graph());
    }
  }
  return found;
}

} // namespace

std::vector<Layer> survey(const Module& module) {
  const Names names(module);
  std::vector<Layer> layers;
  Slots slots;
  for (const auto& entry : names.entries()) {
    Layer layer;
    layer.name = entry.name;
    layer.type = class_name(entry.module);
    layer.parameters = count_parameters(entry.module);
    const auto index = static_cast<int64_t>(layers.size());
    slots[index].push_back({index, ""});
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
  const auto of_file = origin_of_file(module, names);
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto entry = static_cast<int64_t>(i);
    const auto& function = capturer.called[entry];
    const auto own = function ? origin(*function) : Origin::UNKNOWN;
    const bool scripted = (own == Origin::UNKNOWN ? of_file : own) == Origin::SCRIPT;
    const bool without = layers[i].calls == 0 && capturer.without.count(entry);
    layers[i].no_tensor = without && scripted;
    layers[i].no_trace = without && !scripted;
    layers[i].weights_used = capturer.read.count(entry);
    if (function) {
      layers[i].tensors = choices(*function);
      layers[i].in_order = scripted || (layers[i].tensors.size() < 2 && !computes_more(*function));
    }
  }
  return layers;
}

void cut(Module& module, const std::vector<Capture>& wanted) {
  const Names names(module);
  std::unordered_map<std::string, int64_t> entry_of_name{{"", -1}};
  for (size_t i = 0; i < names.entries().size(); ++i) {
    entry_of_name.emplace(names.entries()[i].name, static_cast<int64_t>(i));
  }
  Slots slots;
  for (size_t i = 0; i < wanted.size(); ++i) {
    slots[entry_of_name.at(wanted[i].layer)].push_back({static_cast<int64_t>(i), wanted[i].choice});
  }
  const auto forward = module.get_method("forward");
  std::shared_ptr<Graph> graph = forward.graph()->copy();
  bind_defaults(*graph, forward.function().getSchema());
  Capturer capturer(*graph, module, names, std::move(slots));
  capturer.run_and_return();
  forget_devices(graph->block());
  return_only(graph, capturer.list);
  drop_tail(graph, capturer.list);
  replace_forward(module, graph);
}

void drop_needless_clones(const std::shared_ptr<Graph>& graph) {
  Value* list = graph->outputs().at(0);
  AliasDb aliases(graph);
  std::unordered_set<Node*> needless; // two layers may be kept by the same one
  for (const Use& use : list->uses()) {
    Node* clone = use.user->kind() == aten::_set_item ? use.user->input(2)->node() : nullptr;
    if (!clone || clone->kind() != aten::clone) {
      continue;
    }
    Value* source = clone->input(0);
    const bool callers = aliases.mayContainAlias(source, graph->inputs()); // the input's memory is used again
    if (!callers && !aliases.hasWriters(source)) {
      needless.insert(clone);
    }
  }
  for (Node* clone : needless) {
    clone->output()->replaceAllUsesWith(clone->input(0));
    clone->destroy();
  }
}

} // namespace featx
