// Builds a model at each optimization level, runs it on each data set and classifies the result.
#include "conformance/judge.hpp"

#include "artifact/artifact.hpp"
#include "base/json.hpp"
#include "conformance/compare.hpp"
#include "kernels/isa/cpu.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "ops/schema/operator.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>

#include <chrono>
#include <set>

namespace modelctl::conformance {

namespace fs = std::filesystem;

namespace {

// One line: what, then each single fault.
std::string line(const Error& error) {
  std::string text = error.faults.empty() ? error.what : "";
  for (const Error& fault : error.faults) text += (text.empty() ? "" : "; ") + fault.what;
  for (const std::string& reason : error.why) text += fmt::format(" ({})", reason);
  return text;
}

// What the file says of itself, for the tables by operator and opset: known even of a model that is refused.
void tell_operators(const fs::path& path, Outcome& outcome) {
  auto mapped = MappedFile::open(path);
  if (!mapped) return;
  auto model = onnx::parse((*mapped)->bytes(), *mapped, path.string(), path.parent_path());
  if (!model) return;
  std::set<std::string> names;
  for_each_graph(*model->graph, [&](graph::Graph& graph) {
    for (const auto& node : graph.nodes()) names.insert(ops::qualified(node->domain, node->op));
  });
  outcome.operators.assign(names.begin(), names.end());
  if (auto opset = model->opsets.find(""); opset != model->opsets.end()) outcome.opset = opset->second;
}

Result<std::shared_ptr<const runtime::Model>> build(const fs::path& path, int level, const fs::path& artifact) {
  auto graph = TRY(onnx::read(path));
  TRY(passes::run_pipeline(*graph, {level, {}, nullptr}));
  auto lowered = TRY(lower::lower(*graph));
  TRY(lowered.weights.write(lowered.plan, artifact));
  return runtime::Model::load(TRY(artifact::open(artifact)), ops::run_table(), kernels::Cpu::detect());
}

// 0/n, 1/n, … as the suite's own runner fills the image of a light model.
Tensor ramp(const artifact::Port& port) {
  Dims dims;
  for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? 1 : dim.size);
  Tensor tensor(DType::f32, dims);
  auto elements = tensor.mutable_view().as<float>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(elements.size()));
  }
  return tensor;
}

Result<std::vector<Tensor>> inputs_of(const DataSet& data, const artifact::Signature& signature) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    if (data.ramp) {
      inputs.push_back(ramp(signature.inputs[i]));
    } else if (i < data.inputs.size()) {
      inputs.push_back(TRY(read_value(data.inputs[i], signature.inputs[i].type)));
    } else if (signature.inputs[i].optional) {
      inputs.emplace_back();  // the test leaves it at its default
    }
  }
  return inputs;
}

Result<void> run(const Test& test, const DataSet& data, const std::shared_ptr<const runtime::Model>& model) {
  std::vector<Tensor> inputs = TRY(inputs_of(data, model->signature()));
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  TRY(runtime::check_inputs(model->signature(), views));
  runtime::ThreadPool alone(1);
  runtime::Session session(model, alone);
  std::vector<Tensor> outputs = TRY(session.run(views));
  auto wrong = [](std::string what) { return Error(Kind::bad_input, "wrong-answer", std::move(what)); };
  if (outputs.size() != data.outputs.size()) {
    return wrong(fmt::format("{} outputs and not {}", outputs.size(), data.outputs.size()));
  }
  Tolerance tolerance{test.relative, test.absolute, why_shapes_only(test.name) != nullptr};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Tensor expected = TRY(read_value(data.outputs[i], outputs[i].type()));
    if (auto what = difference(outputs[i], expected, tolerance)) return wrong(fmt::format("output {}: {}", i, *what));
  }
  return {};
}

void judge_level(const Test& test, int level, const fs::path& artifact, Outcome& outcome) {
  std::string at = level == 2 ? "" : fmt::format("at -O{}: ", level);
  auto model = build(test.model, level, artifact);
  if (!model) {
    outcome.verdict = Verdict::refused;
    outcome.reason = at + line(model.error());
    return;
  }
  outcome.verdict = Verdict::failed;
  if (test.data.empty()) outcome.reason = "it has no data";
  for (const DataSet& data : test.data) {
    if (auto done = run(test, data, *model); !done) {
      outcome.reason = at + line(done.error());
      return;
    }
  }
  if (!test.data.empty()) outcome.verdict = Verdict::passed;
}

}  // namespace

Outcome judge(const Test& test, const std::vector<int>& levels, const fs::path& scratch) {
  auto begin = std::chrono::steady_clock::now();
  Outcome outcome;
  tell_operators(test.model, outcome);
  fs::path artifact = scratch / fmt::format("{}.artifact", static_cast<long>(::getpid()));
  for (int level : levels) {
    // Whole networks through plain loops would take minutes, and show no more than the operators' own tests.
    if (level == 0 && levels.size() > 1 && test.suite() == "light") continue;
    judge_level(test, level, artifact, outcome);
    if (outcome.verdict != Verdict::passed) break;
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

std::string to_text(const Outcome& outcome) {
  return Json{{"verdict", static_cast<int>(outcome.verdict)},
              {"reason", outcome.reason},
              {"operators", outcome.operators},
              {"opset", outcome.opset},
              {"seconds", outcome.seconds}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Outcome from_text(const std::string& text) {
  Json json = Json::parse(text);
  return {static_cast<Verdict>(json["verdict"].get<int>()), json["reason"], json["operators"], json["opset"],
          json["seconds"]};
}

}  // namespace modelctl::conformance
