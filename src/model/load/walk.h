// A walk over everything that a module's forward does, knowing each submodule by its dotted name.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <torch/csrc/jit/api/module.h>

namespace featx {

using ObjectId = const c10::ivalue::Object*;

// named_modules() without the root: depth first, attributes in order, each object once, under its first name.
class Names {
 public:
  explicit Names(const torch::jit::Module& root);
  struct Entry {
    std::string name;
    torch::jit::Module module;
  };
  const std::vector<Entry>& entries() const {
    return entries_;
  }
  // Index of the module's entry; -1 for the root.
  int64_t find(const torch::jit::Module& module) const;

 private:
  void walk(const torch::jit::Module& module, const std::string& prefix);
  std::vector<Entry> entries_;
  std::unordered_map<ObjectId, int64_t> index_;
};

// Walks a method's graph from self. Inlines every call on the way, turns flags and numbers kept in attributes (training,
// above all) into constants of the graph, and reports each call of a module's forward and each attribute read.
class Walk {
 public:
  Walk(torch::jit::Graph& graph, const torch::jit::Module& root);
  virtual ~Walk() = default;
  void run();

 protected:
  // Called before the call is inlined. Nodes that are put after the call stay after its body.
  virtual void on_forward(torch::jit::Node* /*call*/, const torch::jit::Module& /*callee*/) {}
  virtual void on_attribute(const torch::jit::Module& /*owner*/, const c10::IValue& /*value*/) {}
  torch::jit::Graph& graph_;

 private:
  void block(torch::jit::Block* block);
  void attribute(torch::jit::Node* node);
  void fix_settings();
  bool call(torch::jit::Node* node);
  bool fork(torch::jit::Node* node);
  void await_forks();
  std::unordered_map<const torch::jit::Value*, torch::jit::Module> modules_;
  std::unordered_set<torch::jit::Node*> forks_; // that fork nothing but a result
  std::vector<std::pair<torch::jit::Node*, c10::IValue>> settings_; // reads of flags and numbers
};

// Makes inlined nodes forget the functions that they came from. Freezing destroys these functions, and the interpreter
// would read a function's name when an operation throws.
void forget_functions(torch::jit::Graph& graph);

} // namespace featx
