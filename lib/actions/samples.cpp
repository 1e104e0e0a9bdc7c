// Names are checked before anything is read, so that the messages are about the sample and not about options.
#include "actions/samples.hpp"

#include "actions/compare.hpp"
#include "base/suggest.hpp"
#include "runtime/run_files.hpp"
#include "tensor/collection.hpp"
#include "tensor/small.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace modelctl::actions {
namespace {

Error bad_sample(const ModelSample& sample, std::string reason) {
  return Error(Kind::bad_input, "bad-sample", fmt::format("cannot use {}", sample.title)).because(std::move(reason));
}

std::vector<std::string> names_of(const std::vector<artifact::Port>& ports) {
  std::vector<std::string> names;
  for (const artifact::Port& port : ports) names.push_back(port.name);
  return names;
}

Result<void> check_names(const ModelSample& sample, const artifact::Signature& signature) {
  auto known = [&](const auto& files, const std::vector<artifact::Port>& ports, const char* what) -> Result<void> {
    std::vector<std::string> names = names_of(ports);
    for (const auto& [name, file] : files) {
      if (std::ranges::find(names, name) != names.end()) continue;
      std::string meant = nearest(name, names);
      return bad_sample(sample, fmt::format("the model has no {} '{}'", what, name))
          .help(meant.empty() ? fmt::format("its {}s are: {}", what, fmt::join(names, ", "))
                              : fmt::format("did you mean '{}'?", meant));
    }
    return {};
  };
  TRY(known(sample.inputs, signature.inputs, "input"));
  TRY(known(sample.outputs, signature.outputs, "output"));
  for (const artifact::Port& port : signature.inputs) {
    bool given = std::ranges::any_of(sample.inputs, [&](const auto& input) { return input.first == port.name; });
    if (!given && !port.optional) return bad_sample(sample, fmt::format("the input '{}' is missing", port.name));
  }
  return {};
}

}  // namespace

formats::Expected expected_output(const artifact::Port& port, DType type) {
  formats::Expected meant = runtime::expectations({port}).front();
  bool as_output = is_float(type) || is_packed(type) || is_collection(type);
  if (!as_output) meant.type = DType::undefined;
  meant.dims.reset();
  meant.text.clear();
  return meant;
}

Result<formats::NamedTensor> read_expected(const std::string& file, const formats::Expected& output,
                                           const formats::ReadOptions& options) {
  auto loaded = TRY(formats::load(file, {&output, 1}, options));
  auto own = std::ranges::find(loaded, output.name, &formats::NamedTensor::name);
  if (own == loaded.end() && loaded.size() != 1) {
    return Error(Kind::bad_input, "not-one-tensor", fmt::format("cannot compare '{}' with '{}'", output.name, file))
        .because(fmt::format("the file holds {} tensors", loaded.size()));
  }
  return std::move(own == loaded.end() ? loaded.front() : *own);
}

std::string only_file(const std::vector<std::string>& inputs) {
  std::set<std::string> files;
  for (const std::string& input : inputs) {
    std::error_code code;
    std::size_t equals =
        formats::is_literal(input) || std::filesystem::exists(input, code) ? input.npos : input.find('=');
    files.insert(equals == input.npos ? input : input.substr(equals + 1));
  }
  return files.size() == 1 ? *files.begin() : "";
}

SampleChecker::SampleChecker(std::shared_ptr<const runtime::Model> model, formats::ReadOptions options,
                             runtime::Session::Limits limits)
    : model_(std::move(model)), options_(std::move(options)), session_(model_, pool_, limits) {}

Error in_sample(Error error, const std::string& title) {
  if (error.kind == Kind::usage) error.kind = Kind::bad_input;
  bool named = error.what.find(title) != std::string::npos || error.where.starts_with(title);
  if (!named && error.where.empty()) error.where = title;
  else if (!named) error.why.push_back(fmt::format("it is in {}", title));
  return error;
}

Result<std::vector<Tensor>> SampleChecker::check(const ModelSample& sample) {
  auto outputs = checked(sample);
  if (outputs) return outputs;
  return in_sample(std::move(outputs).error(), sample.title);
}

Result<std::vector<Tensor>> SampleChecker::checked(const ModelSample& sample) {
  const artifact::Signature& signature = model_->signature();
  TRY(check_names(sample, signature));
  std::vector<std::string> arguments;
  for (const auto& [name, file] : sample.inputs) arguments.push_back(fmt::format("{}={}", name, file));
  auto inputs =
      TRY(formats::load_inputs(arguments, runtime::expectations(signature.inputs, model_->plan().metadata), options_));
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  TRY(runtime::check_inputs(signature, views));
  auto outputs = TRY(session_.run(views));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string& name = signature.outputs[i].name;
    for (const auto& [output, file] : sample.outputs) {
      if (output != name) continue;
      auto expected = TRY(read_expected(file, expected_output(signature.outputs[i], outputs[i].type()), options_));
      Comparison found = TRY(compare(name, outputs[i], expected.tensor, std::nullopt));
      if (found.different == 0) continue;
      return Error(Kind::bad_input, "wrong-answers", "the outputs of the model are not those that the sample expects")
          .at(fmt::format("{}, output '{}'", sample.title, name))
          .because(fmt::format("{} of {} values differ{}", found.different, found.values,
                               found.text ? "" : fmt::format(", the largest difference is {:.2g}", found.largest)));
    }
  }
  return outputs;
}

}  // namespace modelctl::actions
