// The C ABI of runtime/modelrt.h. It is here and not in lib/runtime, because it combines what the runtime is given: the
// run table of the operators and the artifact appended to this library's own file. No exception may cross the ABI.
#include "runtime/modelrt.h"

#include "artifact/appended.hpp"
#include "base/files.hpp"
#include "cli/present/diagnostics.hpp"
#include "ops/run_table.hpp"
#include "runtime/inputs.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"

#include <dlfcn.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

using namespace modelctl;

namespace {

// A port with the arrays that the C struct points at.
struct CPort {
  explicit CPort(const artifact::Port& port) : name(port.name), type(static_cast<std::int32_t>(port.type)) {
    for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size);
    for (const artifact::PortDim& dim : port.dims) symbols.push_back(dim.symbol.c_str());
  }
  std::string name;
  std::int32_t type;
  Dims dims;
  std::vector<const char*> symbols;
};

struct COutput {
  std::string name;
  Tensor tensor;
  std::vector<const char*> strings;
};

}  // namespace

struct modelrt_model {
  std::shared_ptr<const runtime::Model> model;
  std::vector<CPort> inputs, outputs;
};
struct modelrt_session {
  std::shared_ptr<const runtime::Model> model;
  runtime::ThreadPool pool;
  runtime::Session session;
  modelrt_session(std::shared_ptr<const runtime::Model> shared, int threads)
      : model(std::move(shared)), pool(threads), session(model, pool) {}
};
struct modelrt_result {
  std::vector<COutput> outputs;
};

namespace {

std::int32_t fail(const Error& failure, char** error) {
  if (error != nullptr) *error = ::strdup(cli::render(failure, cli::Severity::error, false).c_str());
  return info(failure.kind).exit_code;
}

// Runs a body that returns Result<void>, and converts exceptions of the standard library: none may reach C.
template <class Body>
std::int32_t guarded(char** error, Body&& body) {
  try {
    Result<void> done = body();
    return done ? MODELRT_OK : fail(done.error(), error);
  } catch (const std::bad_alloc&) {
    return fail(Error(Kind::unavailable, "out-of-memory", "the machine does not have enough memory"), error);
  } catch (const std::exception& exception) {
    Error unexpected(Kind::bug, "unexpected", "cannot continue: this is a bug in modelctl");
    return fail(std::move(unexpected).because(exception.what()), error);
  }
}

Error misuse(std::string what) { return Error(Kind::usage, "usage", std::move(what)); }

Result<void> make_model(artifact::Artifact artifact, modelrt_model** model) {
  auto loaded = TRY(runtime::Model::load(std::move(artifact), ops::regular_run_table(), kernels::Cpu::detect()));
  TRY(runtime::need_tensors(loaded->signature(), "load the model"));
  auto made = std::make_unique<modelrt_model>();
  for (const artifact::Port& port : loaded->signature().inputs) made->inputs.emplace_back(port);
  for (const artifact::Port& port : loaded->signature().outputs) made->outputs.emplace_back(port);
  made->model = std::move(loaded);
  *model = made.release();
  return {};
}

std::int32_t fill(const std::vector<CPort>& ports, std::size_t index, modelrt_port* port) {
  if (port == nullptr || index >= ports.size()) return MODELRT_USAGE;
  const CPort& source = ports[index];
  *port = {source.name.c_str(), source.type, static_cast<std::int32_t>(source.dims.size()), source.dims.data(),
           source.symbols.data()};
  return MODELRT_OK;
}

// A view of what the caller gave; strings are copied to what the runtime calls strings, kept in `strings`.
Result<TensorView> view_of(const modelrt_tensor& given, std::vector<Tensor>& strings) {
  if (given.rank < 0 || given.rank > static_cast<std::int32_t>(max_rank) || (given.rank > 0 && given.dims == nullptr)) {
    return misuse("an input's rank or dimensions are not valid");
  }
  DimsView dims(given.dims, static_cast<std::size_t>(given.rank));
  auto type = static_cast<DType>(given.type);
  if (given.type < 0 || given.type > 255 || (bits(type) == 0 && type != DType::string)) {
    return misuse("an input's type is not valid");
  }
  auto count = element_count(dims);
  if (type != DType::string || !count || given.data == nullptr) return TensorView{type, dims, given.data};
  auto texts = static_cast<const char* const*>(given.data);
  std::vector<std::string> copies;
  for (std::int64_t i = 0; i < *count; ++i) {
    if (texts[i] == nullptr) return misuse("a string of an input is null");
    copies.emplace_back(texts[i]);
  }
  strings.push_back(Tensor::of_strings(Dims(dims.begin(), dims.end()), std::move(copies)));
  return TensorView{type, dims, strings.back().view().data};
}

// The file that this function is in: the library, or the program if that is linked statically. dladdr has the name by
// which the library was loaded, which may be relative to a folder that is no longer the current one; the kernel's list
// of mapped files has whole names.
std::string own_file(const void* function) {
  Dl_info here{};
  if (::dladdr(function, &here) != 0 && here.dli_fname != nullptr && here.dli_fname[0] == '/') return here.dli_fname;
  auto maps = read_text_file("/proc/self/maps");
  std::string_view rest = maps ? std::string_view(*maps) : std::string_view();
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  // 7f12a000-7f34b000 r-xp 00000000 08:01 12345    /opt/libdigits.so
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::uintptr_t from = 0, to = 0;
    const char* end = line.data() + line.size();
    auto dash = std::from_chars(line.data(), end, from, 16).ptr;
    if (dash == end || std::from_chars(dash + 1, end, to, 16).ec != std::errc()) continue;
    std::size_t name = line.find('/');
    if (address >= from && address < to && name != line.npos) return std::string(line.substr(name));
  }
  return "/proc/self/exe";
}

}  // namespace

extern "C" {

std::int32_t modelrt_abi(void) { return MODELRT_ABI; }
const char* modelrt_version(void) { return MODELCTL_VERSION; }

std::int32_t modelrt_load_embedded(modelrt_model** model, char** error) {
  return guarded(error, [&]() -> Result<void> {
    if (model == nullptr) return misuse("the pointer for the model is null");
    std::string path = own_file(reinterpret_cast<const void*>(&modelrt_load_embedded));
    return make_model(TRY(artifact::open_appended(path, path)), model);
  });
}

std::int32_t modelrt_load_file(const char* path, modelrt_model** model, char** error) {
  return guarded(error, [&]() -> Result<void> {
    if (path == nullptr || model == nullptr) return misuse("the path or the pointer for the model is null");
    return make_model(TRY(artifact::open(path)), model);
  });
}

std::int32_t modelrt_load_memory(const void* bytes, std::size_t size, modelrt_model** model, char** error) {
  return guarded(error, [&]() -> Result<void> {
    if (bytes == nullptr || model == nullptr) return misuse("the bytes or the pointer for the model are null");
    Tensor memory(DType::u8, {static_cast<std::int64_t>(size)});
    std::memcpy(memory.mutable_view().data, bytes, size);
    std::uint64_t split = TRY(artifact::weights_offset(memory.bytes(), "memory"));
    if (split > size) {
      return Error(Kind::bad_input, "bad-artifact", "cannot read the artifact in memory: it is cut");
    }
    return make_model(
        TRY(artifact::open(memory.bytes().first(split), memory.bytes().subspan(split), memory.owner(), "memory")),
        model);
  });
}

void modelrt_model_free(modelrt_model* model) { delete model; }

std::size_t modelrt_input_count(const modelrt_model* model) { return model->inputs.size(); }
std::size_t modelrt_output_count(const modelrt_model* model) { return model->outputs.size(); }
std::int32_t modelrt_input(const modelrt_model* model, std::size_t index, modelrt_port* port) {
  return fill(model->inputs, index, port);
}
std::int32_t modelrt_output(const modelrt_model* model, std::size_t index, modelrt_port* port) {
  return fill(model->outputs, index, port);
}

std::size_t modelrt_state_count(const modelrt_model* model) { return model->model->states().size(); }
std::int32_t modelrt_state_at(const modelrt_model* model, std::size_t index, modelrt_state* state) {
  if (model == nullptr || state == nullptr || index >= model->model->states().size()) return MODELRT_USAGE;
  const runtime::StatePort& port = model->model->states()[index];
  *state = {port.input, port.output, static_cast<std::int32_t>(port.axis)};
  return MODELRT_OK;
}

std::int32_t modelrt_session_create(const modelrt_model* model, std::int32_t threads, modelrt_session** session,
                                    char** error) {
  return guarded(error, [&]() -> Result<void> {
    if (model == nullptr || session == nullptr) return misuse("the model or the pointer for the session is null");
    if (threads < 0) return misuse("a session cannot run on " + std::to_string(threads) + " threads");
    *session = new modelrt_session(model->model, threads);
    return {};
  });
}

void modelrt_session_free(modelrt_session* session) { delete session; }

std::int32_t modelrt_run(modelrt_session* session, const modelrt_tensor* inputs, std::size_t count,
                         modelrt_result** result, char** error) {
  return modelrt_run_into(session, inputs, count, nullptr, 0, result, error);
}

std::int32_t modelrt_run_into(modelrt_session* session, const modelrt_tensor* inputs, std::size_t count,
                              const modelrt_output_buffer* buffers, std::size_t buffer_count, modelrt_result** result,
                              char** error) {
  return guarded(error, [&]() -> Result<void> {
    if (session == nullptr || result == nullptr || (count > 0 && inputs == nullptr) ||
        (buffer_count > 0 && buffers == nullptr)) {
      return misuse("the session, the inputs, the buffers or the pointer for the result are null");
    }
    const artifact::Signature& signature = session->model->signature();
    std::vector<std::string> names;
    std::vector<TensorView> given;
    std::vector<Tensor> strings;
    for (std::size_t i = 0; i < count; ++i) {
      names.emplace_back(inputs[i].name == nullptr ? "" : inputs[i].name);
      given.push_back(TRY(view_of(inputs[i], strings)));
    }
    std::vector<TensorView> views;
    for (std::size_t index : TRY(runtime::match_inputs(signature, names))) {
      views.push_back(index == runtime::not_given ? TensorView{} : given[index]);
    }
    std::vector<runtime::OutputBuffer> into(buffer_count == 0 ? 0 : signature.outputs.size());
    for (std::size_t i = 0; i < buffer_count; ++i) {
      if (buffers[i].output >= into.size()) return misuse("a buffer is for an output that the model does not have");
      if (buffers[i].capacity < 0) return misuse("a buffer's capacity is negative");
      into[buffers[i].output] = {buffers[i].data, buffers[i].bytes, buffers[i].capacity};
    }
    auto tensors = TRY(session->session.run(views, into));
    auto made = std::make_unique<modelrt_result>();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      COutput& output = made->outputs.emplace_back();
      output.name = signature.outputs[i].name;
      output.tensor = std::move(tensors[i]);
      if (output.tensor.type() != DType::string) continue;
      for (const std::string& text : output.tensor.as<std::string>()) output.strings.push_back(text.c_str());
    }
    *result = made.release();
    return {};
  });
}

std::int32_t modelrt_result_output(const modelrt_result* result, std::size_t index, modelrt_tensor* output) {
  if (result == nullptr || output == nullptr || index >= result->outputs.size()) return MODELRT_USAGE;
  const COutput& source = result->outputs[index];
  const Tensor& tensor = source.tensor;
  const void* data =
      tensor.type() == DType::string ? static_cast<const void*>(source.strings.data()) : tensor.view().data;
  *output = {source.name.c_str(), static_cast<std::int32_t>(tensor.type()),
             static_cast<std::int32_t>(tensor.dims().size()), tensor.dims().data(), data};
  return MODELRT_OK;
}

std::size_t modelrt_result_count(const modelrt_result* result) { return result->outputs.size(); }
void modelrt_result_free(modelrt_result* result) { delete result; }
void modelrt_string_free(char* text) { std::free(text); }

}  // extern "C"
