#include "ffi/module.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_set>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/frozen_graph_optimizations.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/csrc/jit/serialization/import.h>
#include <c10/core/Allocator.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "fast/forms.h"
#include "load/archive.h"
#include "load/folding.h"
#include "load/input.h"
#include "load/layers.h"
#include "load/program.h"
#include "load/tensors.h"
#include "load/walk.h"
#include "runtime/guarded.h"

using torch::jit::Module;

struct featx_module {
  std::shared_ptr<featx::DeferringReader> reader; // of a TorchScript file
  featx::Records records; // of a program's storages
  Module module;
  std::vector<featx::Layer> layers;
  std::vector<featx_buffer> awaited;
  std::vector<at::Tensor> loaded; // all tensors of the file that the module can reach, until it is frozen
  std::shared_ptr<torch::jit::Graph> graph; // the frozen forward
  torch::jit::GraphExecutor plain; // the same, ready to run
  std::unique_ptr<featx::Recording> recording;
  std::array<std::shared_ptr<featx::RunnableGraph>, FEATX_FORMS> forms; // by featx_form; the plain one is above
  size_t outputs = 0;
};

namespace {

using featx::guarded;

// Adds up what libtorch's allocator hands out to this thread.
class Meter : public c10::MemoryReportingInfoBase {
 public:
  int64_t peak = 0;
  void reportMemoryUsage(void* /*ptr*/, int64_t size, size_t, size_t, c10::Device /*device*/) override {
    now_ += size;
    peak = std::max(peak, now_);
  }
  bool memoryProfilingEnabled() const override {
    return true;
  }

 private:
  int64_t now_ = 0;
};

const void* storage_of(const at::Tensor& tensor) {
  return tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

// Frees the memory of every loaded tensor whose storage the frozen module does not use. Other references to it remain
// (types, other methods), but nothing computes with them.
void release_unused(featx_module& m) {
  bool opaque = false;
  auto used = featx::tensors_used(m.module);
  featx::collect_tensors(c10::IValue(m.module._ivalue()), used, &opaque);
  std::unordered_set<const void*> kept;
  for (const auto& tensor : used) {
    kept.insert(storage_of(tensor));
  }
  for (auto& tensor : m.loaded) {
    if (!opaque && tensor.has_storage() && !kept.count(storage_of(tensor))) {
      auto* storage = tensor.storage().unsafeGetStorageImpl();
      storage->set_data_ptr_noswap(at::DataPtr());
      storage->set_nbytes(0);
    }
  }
  m.loaded.clear();
  m.awaited.clear();
}

void find_awaited(featx_module& m) {
  std::unordered_set<const void*> seen;
  m.awaited.clear();
  for (const auto& tensor : featx::tensors_used(m.module)) {
    const void* storage = storage_of(tensor);
    if (!storage || !seen.insert(storage).second) {
      continue;
    }
    auto* impl = tensor.storage().unsafeGetStorageImpl();
    const auto record = m.reader ? m.reader->deferred(impl->data(), impl->nbytes()) : m.records.find(storage);
    if (record >= 0) {
      m.awaited.push_back({impl->mutable_data(), impl->nbytes(), static_cast<size_t>(record)});
    }
  }
}

// Runs a form of the graph, without the optimisations that libtorch makes while it runs.
template <typename Form>
void run(const featx_module& m, const at::Tensor& input, at::Tensor** outputs, const Form& form) {
  c10::InferenceMode inference;
  torch::jit::GraphOptimizerEnabledGuard unoptimised(false);
  torch::jit::Stack stack{m.module._ivalue(), input};
  form(stack);
  const auto list = stack.back().toTensorVector();
  TORCH_CHECK(list.size() == m.outputs, "the cut returned ", list.size(), " tensors");
  for (size_t i = 0; i < list.size(); ++i) {
    outputs[i] = new at::Tensor(list[i].is_quantized() ? list[i].dequantize() : list[i]);
  }
}

const featx::Recording& recording(const featx_module& m) {
  TORCH_CHECK(m.recording, "no batch was recorded");
  return *m.recording;
}

} // namespace

char* featx_load(const char* path, const featx_range* deferred, size_t count, featx_module** out) {
  return guarded([&] {
    auto m = std::make_unique<featx_module>();
    std::vector<featx::Range> ranges;
    for (size_t i = 0; i < count; ++i) {
      ranges.push_back({deferred[i].offset, deferred[i].size});
    }
    torch::jit::setPrintHandler([](const std::string& text) { std::fputs(text.c_str(), stderr); }); // stdout is for JSON
    m->reader = std::make_shared<featx::DeferringReader>(path, ranges);
    m->module = torch::jit::load(m->reader, c10::Device(c10::kCPU), /*load_debug_files=*/false);
    m->module.eval();
    m->layers = featx::survey(m->module);
    bool opaque = false;
    featx::collect_tensors(c10::IValue(m->module._ivalue()), m->loaded, &opaque);
    *out = m.release();
  });
}

char* featx_program_finish(featx_program* program, featx_module** out) {
  return guarded([&] {
    auto m = std::make_unique<featx_module>();
    auto built = featx::finish(*program);
    m->module = std::move(built.module);
    m->records = std::move(built.records);
    m->loaded = std::move(built.weights);
    m->outputs = built.outputs;
    *out = m.release();
  });
}

size_t featx_layer_count(const featx_module* module) {
  return module->layers.size();
}

featx_layer featx_layer_at(const featx_module* module, size_t index) {
  const auto& layer = module->layers.at(index);
  return {layer.name.c_str(), layer.type.c_str(), layer.parameters,   layer.calls,           layer.in_loop,
          layer.no_trace,     layer.no_tensor,    layer.weights_used, layer.tensors.size(), layer.in_order};
}

const char* featx_tensor_at(const featx_module* module, size_t layer, size_t index) {
  return module->layers.at(layer).tensors.at(index).c_str();
}

char* featx_cut(featx_module* module, const featx_capture* wanted, size_t count) {
  return guarded([&] {
    std::vector<featx::Capture> all;
    for (size_t i = 0; i < count; ++i) {
      all.push_back({wanted[i].layer, wanted[i].choice});
    }
    featx::cut(module->module, all);
    module->outputs = count;
  });
}

char* featx_first_layer(const featx_module* module, size_t channels, bool* fits) {
  std::string words;
  char* message = guarded([&] { words = featx::first_layer(module->graph, channels, fits); });
  featx_free_message(message);
  return strdup(words.c_str());
}

char* featx_awaited(featx_module* module, const featx_buffer** out, size_t* count) {
  return guarded([&] {
    find_awaited(*module);
    *out = module->awaited.data();
    *count = module->awaited.size();
  });
}

char* featx_freeze(featx_module* module) {
  return guarded([&] {
    torch::jit::freeze_module_inplace(&module->module);
    module->graph = module->module.get_method("forward").graph();
    featx::keep_linear_layers_apart(*module->graph);
    torch::jit::OptimizeFrozenGraph(module->graph);
    featx::forget_functions(*module->graph);
    featx::drop_needless_clones(module->graph);
    release_unused(*module);
  });
}

bool featx_is_constant(const featx_module* module, size_t output) {
  bool is_constant = false;
  for (const auto& use : module->graph->outputs().at(0)->uses()) {
    const auto* node = use.user;
    if (node->kind() != c10::aten::_set_item || torch::jit::constant_as<int64_t>(node->input(1)) != output) {
      continue;
    }
    if (node->input(2)->node()->kind() != c10::prim::Constant) {
      return false;
    }
    is_constant = true;
  }
  return is_constant;
}

uint64_t featx_packed_bytes(const featx_module* module) {
  std::unordered_set<const void*> seen;
  uint64_t bytes = 0;
  for (const auto& tensor : featx::constants(module->graph)) {
    if (seen.insert(storage_of(tensor)).second) {
      bytes += featx::packed_bytes(tensor);
    }
  }
  return bytes;
}

char* featx_compute_in(featx_module* module, bool bfloat16) {
  return guarded([&] {
    featx::compute_in(module->graph, bfloat16 ? at::kBFloat16 : at::kHalf);
  });
}

char* featx_compute_as_it_is(featx_module* module, const char** type) {
  return guarded([&] {
    const auto own = featx::own_type(module->graph);
    *type = nullptr;
    if (own && *own != at::kFloat) {
      featx::take_images_in(module->graph, *own);
      *type = c10::toString(*own);
    }
  });
}

char* featx_replicate(const featx_module* module, featx_module** out) {
  return guarded([&] {
    auto replica = std::make_unique<featx_module>();
    replica->module = module->module;
    replica->graph = module->graph->copy();
    replica->forms = module->forms;
    replica->outputs = module->outputs;
    *out = replica.release();
  });
}

char* featx_move_to_cuda(featx_module* module, int index) {
  return guarded([&] { featx::move_to(module->graph, c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index))); });
}

char* featx_lay_out(featx_module* module, bool channels_last) {
  return guarded([&] {
    const auto& graph = module->graph;
    featx::lay_weights(graph, channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    module->plain = torch::jit::GraphExecutor(graph->copy(), "forward");
  });
}

char* featx_record(featx_module* module, const at::Tensor* input, at::Tensor** outputs, int64_t* peak) {
  return guarded([&] {
    module->recording = std::make_unique<featx::Recording>(module->graph);
    auto meter = std::make_shared<Meter>();
    const c10::DebugInfoGuard metering(c10::DebugInfoKind::PROFILER_STATE, meter);
    run(*module, *input, outputs, [&](auto& stack) { module->recording->run(stack); });
    *peak = meter->peak;
  });
}

char* featx_make(featx_module* module, int form, int64_t batch) {
  return guarded([&] {
    const auto& make = form == FEATX_JOINED ? featx::joined : featx::fused;
    module->forms.at(form) = std::make_shared<featx::RunnableGraph>(make(recording(*module), batch));
  });
}

void featx_drop(featx_module* module, int form) {
  if (form == FEATX_PLAIN) {
    module->recording.reset();
  } else {
    module->forms.at(form).reset();
  }
}

char* featx_forward(featx_module* module, int form, const at::Tensor* input, at::Tensor** outputs) {
  return guarded([&] {
    run(*module, *input, outputs, [&](auto& stack) {
      if (form == FEATX_PLAIN) {
        module->plain.run(stack);
      } else {
        const auto& made = module->forms.at(form);
        TORCH_CHECK(made, "this form was not made");
        made->run(stack);
      }
    });
  });
}

void featx_free_module(featx_module* module) {
  delete module;
}
