// The tensors inside a layer's result: their number, their names, and nodes that reach one of them.
#pragma once

#include <string>
#include <vector>

#include <torch/csrc/jit/api/module.h>

namespace featx {

// What `--layer NAME#CHOICE` names: nothing for the first tensor, a number (from 0), a key or a field.
using Choice = std::string;

// Inserts nodes that reach the chosen tensor inside a value. If the value, once computed, does not hold it, they give
// `unset`. Returns null if the value's type cannot hold it.
torch::jit::Value* reach(torch::jit::Graph& graph, torch::jit::Value* value, const Choice& choice,
                         torch::jit::Value* unset);

// Names of the tensors that a function returns: numbers, or fields and keys; empty if it returns no tensor. A list's
// length is not known before it runs: it gets MOST numbers.
constexpr size_t MOST = 16;
std::vector<Choice> choices(const torch::jit::Graph& function);

// How a function was made, as far as its graph tells. A script keeps the order of the tensors of a submodule's Python
// code. PyTorch's tracer does not: it puts first what is used first after the submodule.
enum class Origin { UNKNOWN, SCRIPT, TRACE };
Origin origin(const torch::jit::Graph& function);

// Whether a traced function calls layers that its result does not depend on. The tracer drops results that nothing uses:
// the function may then return another tensor than its Python code, for instance an input that a layer changed in place.
bool computes_more(const torch::jit::Graph& function);

} // namespace featx
