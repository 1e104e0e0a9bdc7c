// The C interface that the differential fuzzer calls. Each function has an error boundary: an exception must not reach
// Python.
#include "tests/differential/differential.h"

#include "base/bytes.hpp"
#include "graph/text.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/modelrt.h"

#include <cstring>
#include <exception>
#include <new>
#include <string>

using namespace modelctl;

namespace {

// One line for each fault: what the fuzzer counts by its code and reads if it fails.
std::string lines_of(const Error& error) {
  std::string text;
  auto line = [&](const Error& fault) {
    text += "[" + fault.code + "] " + fault.what;
    if (!fault.where.empty()) text += " @ " + fault.where;
    for (const std::string& why : fault.why) text += " | " + why;
    text += "\n";
  };
  if (error.faults.empty()) line(error);
  for (const Error& fault : error.faults) line(fault);
  return text;
}

template <class Body>
std::int32_t guarded(char** error, Body&& body) {
  auto fail = [&](const Error& failure) {
    *error = ::strdup(lines_of(failure).c_str());
    return info(failure.kind).exit_code;
  };
  try {
    Result<void> done = body();
    return done ? MODELRT_OK : fail(done.error());
  } catch (const std::bad_alloc&) {
    return fail(Error(Kind::unavailable, "out-of-memory", "the machine has not enough memory"));
  } catch (const std::exception& exception) {
    return fail(Error(Kind::bug, "unexpected", "cannot continue: this is a bug in modelctl").because(exception.what()));
  }
}

Result<std::unique_ptr<graph::Graph>> compiled(ByteSpan bytes, passes::PipelineOptions options) {
  // The graph may point into the bytes, which outlive it.
  auto model = TRY(onnx::parse(bytes, nullptr, "model", "/nonexistent"));
  TRY(onnx::normalize(model));
  TRY(passes::run_pipeline(*model.graph, options));
  return std::move(model.graph);
}

}  // namespace

extern "C" {

std::int32_t differential_build(const void* bytes, std::size_t size, std::int32_t level, const char* const* symbols,
                                const std::int64_t* sizes, std::size_t bound, const char* path, char** error) {
  return guarded(error, [&]() -> Result<void> {
    passes::PipelineOptions options;
    options.level = level;
    for (std::size_t i = 0; i < bound; ++i) options.bindings.emplace(symbols[i], sizes[i]);
    auto graph = TRY(compiled({static_cast<const std::byte*>(bytes), size}, std::move(options)));
    auto lowered = TRY(lower::lower(*graph));
    return lowered.weights.write(lowered.plan, path);
  });
}

std::int32_t differential_print(const void* bytes, std::size_t size, std::int32_t level, char** text) {
  return guarded(text, [&]() -> Result<void> {
    passes::PipelineOptions options;
    options.level = level;
    auto graph = TRY(compiled({static_cast<const std::byte*>(bytes), size}, std::move(options)));
    *text = ::strdup(graph::to_text(*graph).c_str());
    return {};
  });
}

}  // extern "C"
