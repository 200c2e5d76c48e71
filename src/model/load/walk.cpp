#include "load/walk.h"

#include <cctype>
#include <unordered_set>

#include <torch/csrc/jit/passes/inliner.h>

namespace featx {

using namespace torch::jit;

namespace {

ObjectId id_of(const Module& module) {
  return module._ivalue().get();
}

// "forward"; the tracer's "forward1" for a module's second call; the overloads "forward__0".
bool is_forward(const std::string& method) {
  if (method.rfind("forward", 0) != 0) {
    return false;
  }
  const size_t from = method.compare(7, 2, "__") == 0 ? 9 : 7;
  for (size_t i = from; i < method.size(); ++i) {
    if (!std::isdigit(static_cast<unsigned char>(method[i]))) {
      return false;
    }
  }
  return from == 7 || method.size() > from;
}

// The function that nodes say they came from after theirs was destroyed.
Function* nowhere() {
  static GraphFunction function("forward", std::make_shared<Graph>(), nullptr);
  return &function;
}

void forget_functions(Block* block) {
  for (Node* node : block->nodes()) {
    if (node->callstack()) {
      node->setCallStack(c10::make_intrusive<InlinedCallStack>(nowhere(), node->sourceRange()));
    }
    for (Block* inner : node->blocks()) {
      forget_functions(inner);
    }
  }
}

} // namespace

void forget_functions(Graph& graph) {
  forget_functions(graph.block());
}

Names::Names(const Module& root) {
  index_[id_of(root)] = -1;
  walk(root, "");
}

int64_t Names::find(const Module& module) const {
  auto it = index_.find(id_of(module));
  return it == index_.end() ? -1 : it->second;
}

void Names::walk(const Module& module, const std::string& prefix) {
  for (const auto& child : module.named_children()) {
    const auto index = static_cast<int64_t>(entries_.size());
    if (!index_.emplace(id_of(child.value), index).second) {
      continue;
    }
    entries_.push_back({prefix + child.name, child.value});
    walk(child.value, prefix + child.name + ".");
  }
}

Walk::Walk(Graph& graph, const Module& root) : graph_(graph) {
  modules_.emplace(graph.inputs().at(0), root);
}

void Walk::run() {
  block(graph_.block());
  await_forks();
  fix_settings();
}

// A flag that forward sets itself (by SetAttr) is no constant; all others are.
void Walk::fix_settings() {
  std::unordered_set<std::string> assigned;
  for (Node* node : findAllNodes(graph_, prim::SetAttr, true)) {
    assigned.insert(node->s(attr::name));
  }
  for (auto& [node, value] : settings_) {
    if (!assigned.count(node->s(attr::name))) {
      WithInsertPoint here(node);
      node->output()->replaceAllUsesWith(graph_.insertConstant(value));
    }
  }
}

void Walk::block(Block* block) {
  for (Node* node = *block->nodes().begin(); node != block->return_node();) {
    Node* before = node->prev();
    if (node->kind() == prim::GetAttr) {
      attribute(node);
    } else if (call(node) || fork(node)) {
      node = before->next(); // the first node of the inlined body
      continue;
    }
    for (Block* inner : node->blocks()) {
      this->block(inner);
    }
    node = node->next();
  }
}

void Walk::attribute(Node* node) {
  auto owner = modules_.find(node->input());
  if (owner == modules_.end()) {
    return;
  }
  const Module module = owner->second;
  IValue value = module.attr(node->s(attr::name));
  if (value.isModule()) {
    node->output()->setType(value.type()); // an interface becomes the class that implements it
    modules_.emplace(node->output(), value.toModule());
  } else {
    on_attribute(module, value);
    if (value.isBool() || value.isInt() || value.isDouble() || value.isNone()) {
      settings_.emplace_back(node, value);
    }
  }
}

// True if the node was a call: its callee's graph is now in its place.
bool Walk::call(Node* node) {
  if (node->kind() != prim::CallMethod && node->kind() != prim::CallFunction) {
    return false;
  }
  if (node->kind() == prim::CallMethod) {
    auto callee = modules_.find(node->input(0));
    if (callee != modules_.end() && is_forward(node->s(attr::name))) {
      const Module module = callee->second;
      on_forward(node, module);
    }
  }
  GraphFunction* function = tryToGraphFunction(node);
  if (!function) {
    return false;
  }
  if (node->kind() == prim::CallFunction) {
    node->removeInput(0); // the function itself, which is no input of its graph
  }
  inlineCallTo(node, function, function->graph().get());
  return true;
}

// True if the node was a fork: what it ran is now in its place, and it forks the result only. Threads gain nothing here,
// and what changes graphs does not see a graph inside a node.
bool Walk::fork(Node* node) {
  if (node->kind() != prim::fork || forks_.count(node)) {
    return false;
  }
  const auto body = node->g(attr::Subgraph);
  WithInsertPoint here(node);
  Value* result = insertGraph(graph_, *body, node->inputs()).at(0);
  auto identity = std::make_shared<Graph>();
  identity->registerOutput(identity->addInput()->setType(result->type()));
  Node* forked = graph_.insertNode(graph_.create(prim::fork, {result}, 1));
  forked->g_(attr::Subgraph, identity);
  forked->output()->setType(node->output()->type());
  forks_.insert(forked);
  node->output()->replaceAllUsesWith(forked->output());
  node->destroy();
  return true;
}

// Replaces each direct wait for a fork by the fork's result.
void Walk::await_forks() {
  for (Node* forked : forks_) {
    const auto uses = forked->output()->uses(); // a copy: they change
    for (const Use& use : uses) {
      if (use.user->kind() == aten::wait) {
        use.user->output()->replaceAllUsesWith(forked->input(0));
        use.user->destroy();
      }
    }
    if (!forked->output()->hasUses()) {
      forked->destroy();
    }
  }
}

} // namespace featx
