// The graph of a program, in the shape that layers.cpp gives a cut graph. From
//
//   conv2d = torch.ops.aten.conv2d.default(x, p_0_weight)        module "0", which is wanted
//   relu_ = torch.ops.aten.relu_.default(conv2d)
//
// comes
//
//   graph(%self, %x):
//     %list = prim::ListConstruct(%unset)
//     %w = prim::GetAttr[name="weight_0"](%self)
//     %conv2d = aten::conv2d(%x, %w, %none, ...)                  (arguments that were left out: the schema's defaults)
//     %c = aten::clone(%conv2d, contiguous)
//     %k = aten::_set_item(%list, 0, %c)
//     return (%list)

#include "load/program.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/CPUAllocator.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include "runtime/guarded.h"

using namespace torch::jit;
using featx::guarded;

struct featx_program {
  explicit featx_program(size_t outputs);
  Module module;
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  Value* self;
  Value* images;
  Value* list;
  std::unordered_map<uint32_t, Value*> values;
  std::unordered_map<int64_t, c10::Storage> storages; // by record
  featx::Records records;
  std::vector<at::Tensor> weights;
  size_t outputs;
};

featx_program::featx_program(size_t count) : module("__torch__.featx.Program"), outputs(count) {
  self = graph->addInput("self");
  self->setType(module.type());
  images = graph->addInput("images");
  images->setType(TensorType::get());
  Value* unset = graph->insertConstant(at::empty({0}));
  const std::vector<Value*> none(outputs, unset);
  list = graph->insertNode(graph->createList(TensorType::get(), none))->output();
}

namespace {

// A type without the Optional around it.
TypePtr inside(const TypePtr& type) {
  const auto optional = type->cast<OptionalType>();
  return optional ? optional->getElementType() : type;
}

Value* find(const featx_program& program, int64_t number) {
  auto found = program.values.find(static_cast<uint32_t>(number));
  TORCH_CHECK(found != program.values.end(), "value ", number, " is not there");
  return found->second;
}

// A constant or a value, in the form that an argument of this type takes.
Value* item(featx_program& program, const featx_item& given, const TypePtr& declared) {
  const auto kind = inside(declared)->kind();
  Graph& graph = *program.graph;
  switch (given.kind) {
    case FEATX_VALUE:
      return find(program, given.integer);
    case FEATX_INT:
      return kind == TypeKind::FloatType ? graph.insertConstant(static_cast<double>(given.integer))
                                         : graph.insertConstant(given.integer);
    case FEATX_BOOL:
      return kind == TypeKind::BoolType ? graph.insertConstant(given.integer != 0) : graph.insertConstant(given.integer);
    case FEATX_REAL:
      return graph.insertConstant(given.real);
    case FEATX_TEXT:
      return graph.insertConstant(std::string(given.text));
    case FEATX_DEVICE:
      return graph.insertConstant(c10::Device(c10::kCPU));
    default:
      return graph.insertConstant(IValue());
  }
}

Value* argument(featx_program& program, const featx_argument& given, const c10::Argument& declared) {
  const auto list = inside(declared.type())->cast<ListType>();
  if (!list) {
    TORCH_CHECK(!given.is_list, "argument '", given.name, "' is a list; expected ", declared.type()->repr_str());
    return item(program, *given.items, declared.type());
  }
  const auto& element = list->getElementType();
  if (!given.is_list && given.items->kind == FEATX_NONE) {
    return item(program, *given.items, declared.type());
  }
  std::vector<Value*> items;
  for (size_t i = 0; i < given.count; ++i) {
    items.push_back(item(program, given.items[i], element));
  }
  if (!given.is_list) { // int[2] may be given as a single number
    items.resize(declared.N().value_or(1), items.front());
  }
  return program.graph->insertNode(program.graph->createList(element, items))->output();
}

std::vector<Value*> arguments(featx_program& program, const featx_call& call, const c10::FunctionSchema& schema) {
  std::unordered_map<std::string, const featx_argument*> given;
  for (size_t i = 0; i < call.argument_count; ++i) {
    given.emplace(call.arguments[i].name, &call.arguments[i]);
  }
  std::vector<Value*> inputs;
  for (const auto& declared : schema.arguments()) {
    auto found = given.find(declared.name());
    if (found != given.end()) {
      inputs.push_back(argument(program, *found->second, declared));
      given.erase(found);
    } else {
      TORCH_CHECK(declared.default_value(), "argument '", declared.name(), "' is missing");
      inputs.push_back(program.graph->insertConstant(*declared.default_value()));
    }
  }
  TORCH_CHECK(given.empty(), "it has no argument '", given.begin()->first, "'");
  return inputs;
}

// If a number is given for a tensor, it becomes a tensor of no dimension that does not change the other operand's type.
void wrap_numbers(featx_program& program, Node* node, const c10::FunctionSchema& schema) {
  const WithInsertPoint here(node);
  for (size_t i = 0; i < node->inputs().size(); ++i) {
    const auto value = toIValue(node->input(i));
    const bool is_tensor = inside(schema.arguments().at(i).type())->kind() == TypeKind::TensorType;
    if (is_tensor && value && (value->isInt() || value->isDouble())) {
      auto tensor = at::scalar_tensor(value->toScalar(), value->isInt() ? at::kLong : at::kDouble);
      tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
      node->replaceInput(i, program.graph->insertConstant(tensor));
    }
  }
}

// A linear layer's input. libtorch multiplies a contiguous one by the weights at once, and a transposed one piece by piece
// (at::matmul), which made ViT's attention, whose rows are transposed, take twice the time.
Value* in_one_piece(featx_program& program, Value* input) {
  const auto kind = input->node()->kind();
  if (kind != aten::transpose && kind != aten::permute) {
    return input;
  }
  const auto contiguous = static_cast<int64_t>(at::MemoryFormat::Contiguous);
  return program.graph->insert(aten::contiguous, {input}, {NamedValue("memory_format", contiguous)});
}

// The node, with the outputs of the schema. If a number was given for a tensor, TorchScript finds the overload that takes
// it.
Node* operation(featx_program& program, const featx_call& call) {
  const auto handle = c10::Dispatcher::singleton().findSchema({call.name, call.overload});
  TORCH_CHECK(handle, "libtorch has no operator '", call.name, *call.overload ? "." : "", call.overload,
              "'; export the model with: scripts/export_model.py --format pt");
  const auto& schema = handle->schema();
  const auto name = Symbol::fromQualString(call.name);
  auto inputs = arguments(program, call, schema);
  if (name == aten::linear) {
    inputs[0] = in_one_piece(program, inputs[0]);
  }
  Node* node = program.graph->create(name, inputs, 0);
  for (const auto& returned : schema.returns()) {
    node->addOutput()->setType(returned.type());
  }
  program.graph->insertNode(node);
  if (!node->maybeOperator()) {
    wrap_numbers(program, node, schema);
  }
  TORCH_CHECK(node->maybeOperator(), "operator '", call.name, "' does not take these arguments");
  return node;
}

Value* on_numbers(featx_program& program, const featx_call& call) {
  std::vector<NamedValue> inputs;
  for (size_t i = 0; i < call.argument_count; ++i) {
    TORCH_CHECK(!call.arguments[i].is_list, "a list where a number was expected");
    inputs.emplace_back(item(program, *call.arguments[i].items, AnyType::get()));
  }
  return program.graph->insert(Symbol::fromQualString(call.name), inputs);
}

// A number of the kind that the program declares: an operator may give one of any kind.
Value* number(Graph& graph, Value* given, int kind) {
  switch (kind) {
    case FEATX_GIVES_INT:
      return given->type()->kind() == TypeKind::IntType ? given : graph.insert(aten::Int, {given});
    case FEATX_GIVES_REAL:
      return given->type()->kind() == TypeKind::FloatType ? given : graph.insert(aten::Float, {given});
    default:
      return given->type()->kind() == TypeKind::BoolType ? given : graph.insert(aten::Bool, {given});
  }
}

void bind(featx_program& program, const featx_output& output, Value* given) {
  Graph& graph = *program.graph;
  if (output.kind == FEATX_GIVES_NONE || output.count == 0) {
    return;
  }
  if (output.kind == FEATX_TENSORS) {
    TORCH_CHECK(given->type()->kind() == TypeKind::ListType, "a list of tensors was expected of it");
    Node* unpack = graph.insertNode(graph.createListUnpack(given, output.count));
    for (size_t i = 0; i < output.count; ++i) {
      program.values[output.values[i]] = unpack->output(i);
    }
  } else if (output.kind == FEATX_TENSOR) {
    TORCH_CHECK(inside(given->type())->kind() == TypeKind::TensorType, "a tensor was expected of it");
    program.values[output.values[0]] = given;
  } else {
    program.values[output.values[0]] = number(graph, given, output.kind);
  }
}

void add_call(featx_program& program, const featx_call& call) {
  std::vector<Value*> given;
  if (call.overload) {
    for (Value* output : operation(program, call)->outputs()) {
      given.push_back(output);
    }
  } else {
    given.push_back(on_numbers(program, call));
  }
  TORCH_CHECK(call.output_count <= given.size(), "operator '", call.name, "' gives ", given.size(), " values; expected ",
              call.output_count);
  for (size_t i = 0; i < call.output_count; ++i) {
    bind(program, call.outputs[i], given[i]);
  }
}

// The storage of a record, of the record's size, so that reading it needs no copy.
const c10::Storage& storage(featx_program& program, int64_t record, uint64_t bytes) {
  auto found = program.storages.find(record);
  if (found == program.storages.end()) {
    const auto size = record < 0 ? 0 : static_cast<int64_t>(bytes);
    c10::Storage made(c10::Storage::use_byte_size_t(), size, c10::GetCPUAllocator()->allocate(size), nullptr, false);
    program.records.add(made.unsafeGetStorageImpl(), record);
    found = program.storages.emplace(record, std::move(made)).first;
  }
  return found->second;
}

void add_weight(featx_program& program, const featx_weight& weight) {
  const c10::IntArrayRef sizes(weight.sizes, weight.dimensions);
  const c10::IntArrayRef strides(weight.strides, weight.dimensions);
  auto tensor = at::empty({0}, static_cast<at::ScalarType>(weight.type))
                    .set_(storage(program, weight.record, weight.bytes), weight.offset, sizes, strides);
  const auto name = "weight_" + std::to_string(weight.value);
  program.module.register_buffer(name, tensor);
  program.weights.push_back(tensor);
  Value* read = program.graph->insertGetAttr(program.self, name);
  read->setType(TensorType::get());
  program.values[weight.value] = read;
}

void capture(featx_program& program, uint32_t value, size_t output) {
  Graph& graph = *program.graph;
  TORCH_CHECK(output < program.outputs, "there is no output ", output);
  const auto contiguous = static_cast<int64_t>(at::MemoryFormat::Contiguous);
  Value* kept = graph.insert(aten::clone, {find(program, value)}, {NamedValue("memory_format", contiguous)});
  graph.insert(aten::_set_item, {program.list, static_cast<int64_t>(output), kept});
}

} // namespace

featx::BuiltModule featx::finish(featx_program& program) {
  program.graph->registerOutput(program.list);
  EliminateDeadCode(program.graph);
  program.graph->lint();
  auto type = program.module.type();
  const c10::QualifiedName name(*type->name(), "forward");
  type->addMethod(type->compilation_unit()->create_function(name, program.graph));
  return {program.module, std::move(program.records), std::move(program.weights), program.outputs};
}

char* featx_program_new(size_t outputs, featx_program** out) {
  return guarded([&] { *out = new featx_program(outputs); });
}

void featx_program_free(featx_program* program) {
  delete program;
}

char* featx_program_images(featx_program* program, uint32_t value) {
  return guarded([&] { program->values[value] = program->images; });
}

char* featx_program_weight(featx_program* program, const featx_weight* weight) {
  return guarded([&] { add_weight(*program, *weight); });
}

char* featx_program_call(featx_program* program, const featx_call* call) {
  return guarded([&] { add_call(*program, *call); });
}

char* featx_program_capture(featx_program* program, uint32_t value, size_t output) {
  return guarded([&] { capture(*program, value, output); });
}
