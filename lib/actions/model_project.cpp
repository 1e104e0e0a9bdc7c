// The texts are the templates of templates/model.
#include "actions/model_project.hpp"

#include "actions/model_faults.hpp"
#include "actions/project.hpp"
#include "actions/quoting.hpp"
#include "actions/sample_trial.hpp"
#include "actions/template_text.hpp"
#include "actions/wrong_file.hpp"
#include "base/embedded.hpp"
#include "base/files.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "runtime/inputs.hpp"
#include "tensor/collection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl {
std::span<const EmbeddedFile> model_files();
}  // namespace modelctl

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

using Metadata = std::map<std::string, std::string>;

// Without the last line feed: the placeholder's own line has one.
std::string joined(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

std::string ports_comment(const std::vector<artifact::Port>& ports) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const artifact::Port& port : ports) width = std::max(width, yaml_scalar(port.name).size());
  for (const artifact::Port& port : ports) {
    lines.push_back(fmt::format("#   {:<{}}  {}{}", yaml_scalar(port.name), width, one_line(runtime::describe(port)),
                                port.optional ? ", optional" : ""));
  }
  return lines.empty() ? "#   nothing" : joined(lines);
}

std::string port_rows(const std::vector<artifact::Port>& ports) {
  std::vector<std::string> lines;
  for (const artifact::Port& port : ports) {
    lines.push_back(fmt::format("| {} | {}{} | TODO |", markdown_cell(port.name),
                                markdown_cell(runtime::describe(port)), port.optional ? ", optional" : ""));
  }
  return lines.empty() ? "| | | none |" : joined(lines);
}

// Suggests to bind each symbol of the inputs.
std::string bind_comment(const artifact::Signature& signature) {
  std::vector<std::string> symbols;
  for (const artifact::Port& port : signature.inputs) {
    if (port.any_rank()) continue;
    for (const artifact::PortDim& dim : port.dims) {
      if (dim.size < 0 && std::ranges::find(symbols, dim.symbol) == symbols.end()) symbols.push_back(dim.symbol);
    }
  }
  if (symbols.empty()) return "# The sizes of this model are fixed already.";
  std::vector<std::string> lines{"# bind:"};
  for (const std::string& symbol : symbols) lines.push_back(fmt::format("#   {}: 1", yaml_scalar(symbol)));
  return joined(lines);
}

// An input that can be made from an image: floats or bytes with an axis of 1 or 3 channels.
bool looks_like_image(const artifact::Port& port) {
  if (port.any_rank() || port.dims.size() != 4 || (port.type != DType::u8 && !is_float(port.type))) return false;
  auto is_channels = [&](std::size_t axis) { return port.dims[axis].size == 1 || port.dims[axis].size == 3; };
  return is_channels(1) || is_channels(3);
}

// The settings with which most models for photographs were trained (ImageNet, torchvision), or the plain bytes.
std::vector<std::string> image_lines(const artifact::Port& port) {
  bool last = port.dims[3].size == 1 || port.dims[3].size == 3;  // as lib/processing/inputs/image.cpp decides
  auto size = [&](std::size_t axis) { return port.dims[axis].size > 0 ? port.dims[axis].size : 224; };
  std::int64_t height = size(last ? 1 : 2), width = size(last ? 2 : 3);
  std::vector<std::string> lines{fmt::format("  {}:", yaml_scalar(port.name)),
                                 "    image:", fmt::format("      resize: [{}, {}]", height, width)};
  if (!is_float(port.type)) return lines;
  lines.push_back("      scale: 1/255");
  if (port.dims[last ? 3 : 1].size != 3) return lines;
  lines.push_back("      mean: [0.485, 0.456, 0.406]");
  lines.push_back("      std: [0.229, 0.224, 0.225]");
  return lines;
}

// Suggests what inputs may be made from and what outputs may mean, as far as their types show it.
std::string processing_comment(const artifact::Signature& signature) {
  std::vector<std::string> inputs, outputs, lines;
  for (const artifact::Port& port : signature.inputs) {
    if (looks_like_image(port)) std::ranges::copy(image_lines(port), std::back_inserter(inputs));
  }
  for (const artifact::Port& port : signature.outputs) {
    bool scores = is_float(port.type) && port.dims.size() == 2 && port.dims[1].size > 1 && port.dims[1].size <= 100'000;
    if (!scores) continue;
    outputs.push_back(fmt::format("  {}:", yaml_scalar(port.name)));
    std::ranges::copy(std::vector<std::string>{"    classes:", "      labels: labels.txt"},
                      std::back_inserter(outputs));
    // What converters of classifiers call so is one already.
    bool probabilities = port.name.find("prob") != std::string::npos;
    if (!probabilities) outputs.push_back("      activation: softmax");
  }
  if (inputs.empty() && outputs.empty()) return "# Nothing is suggested for this model.";
  if (!inputs.empty()) lines.push_back("inputs:");
  std::ranges::copy(inputs, std::back_inserter(lines));
  if (!outputs.empty()) lines.push_back("outputs:");
  std::ranges::copy(outputs, std::back_inserter(lines));
  for (std::string& line : lines) line = "# " + line;
  return joined(lines);
}

std::string samples_section(const artifact::Signature& signature, const SampleTemplate& sample) {
  if (!sample.without.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : sample.without) names.push_back(yaml_scalar(name));
    return fmt::format("# There is no placeholder, since no file can hold the input {}, or only a very large one.",
                       fmt::join(names, ", "));
  }
  if (sample.files.empty()) return "# The model needs no input.";
  std::vector<std::string> lines{"samples:", "  - name: placeholder", "    inputs:"};
  for (const SampleFile& file : sample.files)
    lines.push_back(fmt::format("      {}: {}", yaml_scalar(file.input), yaml_scalar(file.path)));
  lines.push_back("    # What the model should return for them, from a source that you trust.");
  lines.push_back("    # outputs:");
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const artifact::Port& port = signature.outputs[i];
    lines.push_back(fmt::format("    #   {}: samples/expected/output_{}.{}", yaml_scalar(port.name), i,
                                is_collection(port.type) ? "json" : "npy"));
  }
  lines.push_back("    # Or what is right for each row: the class, by index or by name, or the number to predict.");
  lines.push_back("    # labels: samples/labels.npy");
  return joined(lines);
}

// The settings with their defaults, of which one is set so that the section is not empty.
std::string serve_section() {
  std::vector<std::string> lines;
  auto add = [&](std::string_view key, std::string_view otherwise, std::string_view form, std::string_view meaning) {
    lines.push_back(fmt::format("  # {}", meaning));
    lines.push_back(
        fmt::format("  {}{}: {}", lines.size() == 1 ? "" : "# ", key, otherwise.empty() ? form : otherwise));
  };
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) add(#key, otherwise, value, meaning);
#include "serve/settings.def"
#undef SERVE_SETTING
  return joined(lines);
}

std::string placeholders(const SampleTemplate& sample) {
  if (!sample.without.empty()) {
    return "No placeholder could be made for this model: an input of it fits in no file, or only in a very large one.";
  }
  if (sample.files.empty()) return "The model needs no input: `modelctl run` runs it as it is.";
  std::vector<std::string> lines{
      "These inputs are placeholders, to try the commands with. They have the types and shapes that the model takes, "
      "with",
      "usual sizes where it leaves them open, but no meaning: numbers are 0, texts are \"text\", and masks are 1. What "
      "the",
      "model returns for them shows nothing about how good it is.",
      "",
      "| file | input | type and shape |",
      "|---|---|---|"};
  for (const SampleFile& file : sample.files) {
    lines.push_back(fmt::format("| {} | {} | {} |", markdown_cell(file.path.substr(file.path.find('/') + 1)),
                                markdown_cell(file.input), markdown_cell(describe_value(file.value.view()))));
  }
  return joined(lines);
}

// What the model says about itself under one of these keys; empty if nothing.
std::string said(const Metadata& metadata, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    auto found = metadata.find(key);
    if (found == metadata.end()) continue;
    if (std::string line = one_line(found->second); !line.empty()) return line;
  }
  return "";
}

std::string license_comment(const Metadata& metadata) {
  std::string license = said(metadata, {"source.property.license", "source.property.License"});
  if (license.empty()) return "  # license: Apache-2.0";
  return fmt::format("  # The model's metadata have:\n  # license: {}", yaml_scalar(license));
}

// Serving passes tensors only.
bool can_be_served(const artifact::Signature& signature) {
  auto is_tensor = [](const artifact::Port& port) { return !is_collection(port.type); };
  return std::ranges::all_of(signature.inputs, is_tensor) && std::ranges::all_of(signature.outputs, is_tensor);
}

// The model and its external data as they lie in the project, and the path that modelctl.yaml has.
struct Placed {
  std::string path;
  std::vector<NewFile> copies;
};

Result<Placed> placed_model(const fs::path& model, const fs::path& place, bool link, const Metadata& metadata) {
  std::error_code code;
  fs::path folder = fs::canonical(model.has_parent_path() ? model.parent_path() : ".", code);
  if (code) return system_error(code.value(), fmt::format("cannot read '{}'", model.string()), model);
  auto [end, _] = std::mismatch(place.begin(), place.end(), folder.begin(), folder.end());
  if (link || end == place.end()) return Placed{(folder / model.filename()).lexically_relative(place).string(), {}};
  Placed placed{model.filename().string(), {{model.filename().string(), "", model}}};
  constexpr std::string_view external = "source.external.";
  for (const auto& [key, digest] : metadata) {
    if (!key.starts_with(external)) continue;
    // The reader has checked that the location does not leave the folder. Two locations may mean one file.
    fs::path location = fs::path(key.substr(external.size())).lexically_normal();
    auto same = [&](const NewFile& file) { return file.path == location.string(); };
    if (!std::ranges::any_of(placed.copies, same)) placed.copies.push_back({location.string(), "", folder / location});
  }
  return placed;
}

artifact::Signature signature_of(const graph::Graph& graph) {
  artifact::Signature signature;
  for (const graph::Value* input : graph.inputs) {
    signature.inputs.push_back(lower::port(input->name, input->type));
    signature.inputs.back().optional = std::ranges::any_of(
        input->uses(), [](const graph::Use& use) { return use.node->is("Default", "modelctl") && use.index == 0; });
  }
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    signature.outputs.push_back(lower::port(graph.output_names()[i], graph.outputs()[i]->type));
  return signature;
}

// What the templates are filled with.
struct Subject {
  artifact::Signature signature;
  SampleTemplate sample;
  Metadata metadata;
  std::string path;  // of the model, as modelctl.yaml has it
  std::string stem, name, description;
  std::vector<std::string> commands;
};

TemplateValues values_of(const Subject& of) {
  std::vector<std::string> indented;
  for (const std::string& command : of.commands) indented.push_back("    " + command);
  std::string outside =
      of.path.starts_with("../")
          ? "# It lies outside of this folder: whoever builds the project needs it at the same place.\n"
          : "";
  return {
      {"inputs", ports_comment(of.signature.inputs)},
      {"outputs", ports_comment(of.signature.outputs)},
      {"model", fmt::format("{}model: {}", outside, yaml_scalar(of.path))},
      {"artifact", yaml_scalar(of.stem + ".artifact")},
      {"bind", bind_comment(of.signature)},
      {"processing", processing_comment(of.signature)},
      {"target", std::string(this_architecture)},
      {"name", yaml_scalar(of.name)},
      {"description",
       of.description.empty() ? "  # description: TODO" : "  description: " + yaml_scalar(of.description)},
      {"license", license_comment(of.metadata)},
      {"samples", samples_section(of.signature, of.sample)},
      {"serve", serve_section()},
      {"title", of.name},
      {"summary", of.description.empty() ? "TODO: what the model does, in a sentence or two." : of.description},
      {"input_rows", port_rows(of.signature.inputs)},
      {"output_rows", port_rows(of.signature.outputs)},
      {"commands", joined(indented)},
      {"placeholders", placeholders(of.sample)},
      {"package_file", of.name + ".tar"},
  };
}

}  // namespace

std::vector<std::string> commands_of(const std::string& name, bool can_run, bool can_serve) {
  std::vector<std::string> commands{"modelctl build"};
  if (can_run) commands.push_back("modelctl run");
  commands.push_back(fmt::format("modelctl key generate -o {}", name));
  commands.push_back(fmt::format("modelctl pack --key {0}.key -o {0}.tar", name));
  if (can_serve) commands.push_back("modelctl serve");
  return commands;
}

Result<ModelProject> model_project(const fs::path& model, const fs::path& place, bool link, Host& host) {
  auto read = onnx::read(model);
  if (!read) return in_model(name_kind(std::move(read).error(), model, kinds::Role::model), {model, nullptr, {}});
  graph::Graph& graph = **read;
  Subject subject{.signature = signature_of(graph), .metadata = graph.metadata, .stem = model.stem().string()};
  auto sample = tried_samples(graph, subject.signature, host);
  if (!sample) return in_model(std::move(sample).error(), {model, &graph, {}});
  subject.sample = std::move(*sample);
  Placed placed = TRY(placed_model(model, place, link, subject.metadata));
  subject.path = placed.path;
  subject.name = package_name(subject.stem);
  subject.description = said(subject.metadata, {"source.documentation", "source.property.description"});
  subject.commands = commands_of(subject.name, subject.sample.without.empty(), can_be_served(subject.signature));

  const TemplateValues values = values_of(subject);
  ModelProject project{std::move(placed.copies), subject.commands};
  for (const EmbeddedFile& file : model_files())
    project.files.push_back({std::string(file.path), fill(file.text(), values)});
  for (const SampleFile& file : subject.sample.files) {
    std::string content = TRY(encoded(file));
    project.files.push_back({file.path, std::move(content)});
  }
  return project;
}

}  // namespace modelctl::actions
