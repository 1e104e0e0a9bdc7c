// Runs the samples of a package and compares the outputs with those recorded when it was packed.
#include "actions/check_samples.hpp"

#include "actions/input_options.hpp"
#include "actions/samples.hpp"
#include "artifact/meaning.hpp"
#include "base/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

constexpr const char* list_path = "samples/samples.json";  // `pack` writes it

// The text under a name; empty if there is none.
std::string text_of(const Json& object, const std::string& name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The list was written by whoever signed the package, who may be mistaken, so its form is checked like any input. An
// output that the sample does not mention is not compared.
Result<ModelSample> sample_of(const Json& object, std::size_t number) {
  std::string name = object.is_object() ? text_of(object, "name") : std::string();
  ModelSample sample{.title = name.empty() ? fmt::format("sample {}", number) : fmt::format("the sample '{}'", name)};
  auto refused = [&](std::string reason) {
    return Error(Kind::bad_input, "bad-sample", fmt::format("cannot use {} of the package", sample.title))
        .at(list_path)
        .because(std::move(reason));
  };
  bool has_inputs = object.is_object() && object.contains("inputs") && object["inputs"].is_object();
  if (!has_inputs) return refused("it has no inputs");
  auto files = [&](const Json& members) -> Result<std::vector<std::pair<std::string, std::string>>> {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [port, member] : members.items()) {
      std::string file = text_of(members, port);
      if (file.empty() || formats::is_literal(file)) return refused(fmt::format("'{}' does not name a file", port));
      all.emplace_back(port, std::move(file));
    }
    return all;
  };
  sample.inputs = TRY(files(object["inputs"]));
  if (!object.contains("outputs")) return sample;
  if (!object["outputs"].is_object()) return refused("its outputs are not an object");
  sample.outputs = TRY(files(object["outputs"]));
  return sample;
}

// As `evaluate` reads files, from the package. Nothing is reported: who serves a package did not write its samples.
formats::ReadOptions options_for(const package::Package& package, const artifact::Metadata& metadata,
                                 const std::string& label_column, Host& host) {
  auto options = input_options(formats::CsvHeader::automatic, metadata, host, label_column);
  options.warn = {};
  options.note = {};
  options.convert = [](Tensor tensor, const formats::Expected& input, std::string_view where) {
    return convert_input(std::move(tensor), input, where, {});
  };
  options.open = [&package](const std::string& file) -> Result<std::vector<std::byte>> {
    ByteSpan bytes = TRY(package.content(std::filesystem::path(file).lexically_normal().string()));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  return options;
}

}  // namespace

Result<std::size_t> check_samples(const package::Package& package, std::shared_ptr<const runtime::Model> model,
                                  std::uint64_t memory_bytes, Host& host) {
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
  auto options = options_for(package, model->plan().metadata, text_of(document, "label_column"), host);
  SampleChecker checker(std::move(model), std::move(options), {.memory_bytes = memory_bytes, .stop = &host.stop});
  std::size_t checked = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "stopped before the samples were computed");
    ModelSample sample = TRY(sample_of(samples[i], i + 1));
    if (!samples[i].contains("outputs")) continue;
    TRY(checker.check(sample));
    ++checked;
  }
  return checked;
}

}  // namespace modelctl::actions
