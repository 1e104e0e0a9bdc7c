// Runs the samples of a package and compares the outputs with those recorded when it was packed.
#include "actions/check_samples.hpp"

#include "actions/compare.hpp"
#include "base/json.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

constexpr const char* list_path = "samples/samples.json";  // `pack` writes it

Error bad_sample(const std::string& sample, std::string reason) {
  return Error(Kind::bad_input, "bad-sample", fmt::format("cannot use {} of the package", sample))
      .at(list_path)
      .because(std::move(reason));
}

// The tensor for one input or output: the only one in its file, or the one of that name.
Result<Tensor> read_tensor(const package::Package& package, const std::string& path, const formats::Expected& wanted) {
  ByteSpan bytes = TRY(package.content(path));
  const formats::Format* format = TRY(formats::format_of(path));
  auto tensors = TRY(format->read({bytes, path, {&wanted, 1}, &wanted}));
  auto found = std::find_if(tensors.begin(), tensors.end(),
                            [&](const auto& tensor) { return tensor.name == wanted.name || tensors.size() == 1; });
  if (found == tensors.end()) return formats::unreadable(path, fmt::format("it has no tensor '{}'", wanted.name));
  TRY(formats::check(found->tensor, wanted, path));
  return std::move(found->tensor);
}

// The text under a name; empty if there is none.
std::string text_of(const Json& object, const std::string& name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class SampleChecker {
 public:
  SampleChecker(const package::Package& package, std::shared_ptr<const runtime::Model> model,
                std::uint64_t memory_bytes, const StopToken& stop)
      : package_(package),
        signature_(model->signature()),
        metadata_(model->plan().metadata),
        session_(std::move(model), pool_, runtime::Session::Limits{.memory_bytes = memory_bytes, .stop = &stop}) {}

  // False for a sample without expected outputs. The list was written by whoever signed the package, who may be
  // mistaken, so its form is checked like any input. An output that the sample does not mention is not compared.
  Result<bool> check(const Json& sample, const std::string& name) {
    if (!sample.is_object() || !sample.contains("inputs") || !sample["inputs"].is_object())
      return bad_sample(name, "it has no inputs");
    if (!sample.contains("outputs")) return false;
    if (!sample["outputs"].is_object()) return bad_sample(name, "its outputs are not an object");
    std::vector<Tensor> inputs;
    for (const formats::Expected& wanted : runtime::expectations(signature_.inputs, metadata_)) {
      std::string path = text_of(sample["inputs"], wanted.name);
      if (path.empty() && wanted.optional) {
        inputs.emplace_back();
        continue;
      }
      if (path.empty()) return bad_sample(name, fmt::format("the input '{}' is missing", wanted.name));
      inputs.push_back(TRY(read_tensor(package_, path, wanted)));
    }
    std::vector<TensorView> views;
    for (const Tensor& input : inputs) views.push_back(input.view());
    auto outputs = TRY(session_.run(views));
    auto ports = runtime::expectations(signature_.outputs);
    for (std::size_t i = 0; i < ports.size(); ++i) {
      std::string path = text_of(sample["outputs"], ports[i].name);
      if (!path.empty()) TRY(check_output(name, outputs[i], TRY(read_tensor(package_, path, ports[i])), ports[i].name));
    }
    return true;
  }

 private:
  static Result<void> check_output(const std::string& sample, const Tensor& value, const Tensor& expected,
                                   const std::string& output) {
    Comparison found = TRY(compare(output, value, expected, std::nullopt));
    if (found.different == 0) return {};
    return Error(Kind::bad_input, "wrong-answers", "the outputs of the model are not those that its package expects")
        .at(fmt::format("{}, output '{}'", sample, output))
        .because(fmt::format("{} of {} values differ, the largest difference is {:.2g}", found.different, found.values,
                             found.largest));
  }

  const package::Package& package_;
  const artifact::Signature& signature_;
  const std::map<std::string, std::string>& metadata_;
  runtime::ThreadPool pool_{0};
  runtime::Session session_;
};

}  // namespace

Result<std::size_t> check_samples(const package::Package& package, std::shared_ptr<const runtime::Model> model,
                                  std::uint64_t memory_bytes, const StopToken& stop) {
  const auto& entries = package.manifest().entries;
  bool any = std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.path == list_path; });
  if (!any) return std::size_t{0};
  Json document = TRY(parse_json(as_text(TRY(package.content(list_path))), list_path));
  if (TRY(json_string(document, "format", list_path)) != "modelctl.samples/1") {
    return Error(Kind::unsupported, "unknown-samples", "cannot read the samples of the package")
        .at(list_path)
        .because("their format is not 'modelctl.samples/1'");
  }
  const Json& samples = *TRY(json_array(document, "samples", list_path));
  SampleChecker checker(package, std::move(model), memory_bytes, stop);
  std::size_t checked = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (stop.stopped()) return Error(Kind::interrupted, "interrupted", "stopped before the samples were computed");
    std::string name = samples[i].is_object() ? text_of(samples[i], "name") : std::string();
    name = name.empty() ? fmt::format("sample {}", i + 1) : fmt::format("the sample '{}'", name);
    checked += TRY(checker.check(samples[i], name)) ? 1 : 0;
  }
  return checked;
}

}  // namespace modelctl::actions
