// The tensors inside what a layer gives: how many there are, how they are called, and nodes that reach one of them.
#pragma once

#include <string>
#include <vector>

#include <torch/csrc/jit/api/module.h>

namespace featx {

// What `--layer NAME#CHOICE` names: nothing for the first tensor, a number (from 0), a key or a field.
using Choice = std::string;

// Nodes, at the graph's insert point, that reach the chosen tensor inside a value. What they give is `unset` where the
// value turns out, when it is computed, not to hold it. Null where its type cannot hold it.
torch::jit::Value* reach(torch::jit::Graph& graph, torch::jit::Value* value, const Choice& choice,
                         torch::jit::Value* unset);

// How the tensors that a function returns are called: numbers, or names of fields and keys. Empty where it returns
// none; one where it returns one. A list's length is not known before it runs: MOST numbers then.
constexpr size_t MOST = 16;
std::vector<Choice> choices(const torch::jit::Graph& function);

// PyTorch's tracer puts first what is used first after a submodule, so that the order of a traced submodule's tensors
// is not its Python code's; a script keeps it. What a function's graph tells of how it was made.
enum class Origin { UNKNOWN, SCRIPT, TRACE };
Origin origin(const torch::jit::Graph& function);

// Whether a traced function calls layers whose outcome does not reach what it returns. The tracer keeps no result that
// nothing uses: it may return another tensor than its Python code, such as an input that a layer changed in place.
bool computes_more(const torch::jit::Graph& function);

} // namespace featx
