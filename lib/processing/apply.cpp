// Inputs first: an output may need what an image's input found out about the image. All faults are collected, since a
// user corrects a file in one go.
#include "base/json.hpp"
#include "base/suggest.hpp"
#include "ops/schema/operator.hpp"
#include "processing/kind.hpp"
#include "processing/processing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::processing {
namespace {

using graph::Graph;
using graph::Value;

Error bad_setting(const Settings& settings, const std::string& what, std::string why, std::string_view key,
                  std::string help) {
  Error error = Error(Kind::bad_config, "bad-processing", what).at(settings.where(key)).because(std::move(why));
  error.hint = std::move(help);
  return error;
}

// The place of a part's name among those of the model; fails with the nearest one.
Result<std::size_t> place_of(const std::string& name, const std::vector<std::string>& names, const Settings& settings,
                             std::string_view direction) {
  auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  Error error = Error(Kind::bad_config, "no-such-port",
                      fmt::format("cannot describe the {} '{}': the model has none of that name", direction, name))
                    .at(settings.where())
                    .because(fmt::format("its {}s are: {}", direction, listed(names)));
  if (std::string meant = nearest(name, names); !meant.empty()) error.hint = fmt::format("did you mean '{}'?", meant);
  return error;
}

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Value* input : graph.inputs) names.push_back(input->name);
  return names;
}

// The value that was the input stays one, of another type, for what the input is made from; what used it now uses a new
// value, which the nodes make.
Result<void> apply_input(const Part<InputKind>& part, Graph& graph, Images& images) {
  std::size_t place = TRY(place_of(part.name, input_names(graph), part.settings, "input"));
  Value* input = graph.inputs[place];
  Value* tensor = graph.add_value(part.name + ".tensor", input->type);
  graph.replace_uses(input, tensor);
  Nodes nodes(graph, graph.nodes().empty() ? nullptr : graph.nodes().front().get(), part.name);
  InputCall call{graph, part.name, *tensor, part.settings, nodes, images, input};
  graph.replace_uses(tensor, TRY(part.kind->build(call)));
  // Further inputs were added at the end; they belong behind the first one.
  auto& inputs = graph.inputs;
  std::rotate(inputs.begin() + static_cast<std::ptrdiff_t>(place) + 1,
              inputs.end() - static_cast<std::ptrdiff_t>(call.added) + 1, inputs.end());
  return {};
}

using Outputs = std::vector<OutputCall::Made>;

// Replaces the entry of the part's output in `outputs` by what the kind makes of it.
Result<void> apply_output(const Part<OutputKind>& part, Graph& graph, const Images& images, Outputs& outputs) {
  std::vector<std::string> names;
  for (const OutputCall::Made& output : outputs) names.push_back(output.name);
  std::size_t place = TRY(place_of(part.name, names, part.settings, "output"));
  Nodes nodes(graph, nullptr, part.name);
  OutputCall call{graph, part.name, outputs[place].value, part.settings, nodes, images};
  TRY(part.kind->build(call));
  for (OutputCall::Made& made : call.outputs) {
    // Two outputs of one kind: the name of the model's output tells them apart.
    if (std::find(names.begin(), names.end(), made.name) != names.end()) made.name = part.name + "_" + made.name;
  }
  auto at = outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(place));
  outputs.insert(at, call.outputs.begin(), call.outputs.end());
  std::erase_if(outputs, [&](const OutputCall::Made& output) {
    return std::find(call.consumed.begin(), call.consumed.end(), output.name) != call.consumed.end();
  });
  return {};
}

// A copy that has these outputs. The graph has them as well, after its own, so that the copy's values can be found.
std::unique_ptr<Graph> with_outputs(Graph& graph, const Outputs& outputs) {
  std::size_t own = graph.outputs().size();
  for (const OutputCall::Made& output : outputs) graph.add_output(output.value);
  auto copy = std::make_unique<Graph>(graph.name);
  copy->metadata = graph.metadata;
  std::vector<Value*> inputs;
  for (const Value* input : graph.inputs) inputs.push_back(copy->add_input(input->name, input->type));
  graph::Node* end = copy->add_node("", "NoOp", {}, {});
  std::vector<Value*> values = graph::inline_graph(graph, inputs, *end);
  copy->erase(end);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    copy->add_output(values[own + i], outputs[i].name);
    if (outputs[i].meaning.content != Content::values)
      artifact::set_meaning(copy->metadata, artifact::Side::output, outputs[i].name, outputs[i].meaning);
  }
  copy->erase_dead();
  return copy;
}

Json document(const Settings& settings) {
  Json values = Json::object();
  for (const auto& [name, value] : settings.values()) {
    Json rows = Json::array();
    for (const Settings& row : value.rows) rows.push_back(document(row));
    values[name] = {value.texts, value.numbers, std::move(rows)};
  }
  return values;
}

template <class Kind>
Json document(const std::vector<Part<Kind>>& parts) {
  Json list = Json::array();
  for (const Part<Kind>& part : parts) list.push_back({part.name, part.kind->name, document(part.settings)});
  return list;
}

}  // namespace

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    text += fmt::format("{}'{}'", i == 0 ? "" : ", ", names[i]);
  return names.size() <= most ? text : fmt::format("{} and {} more", text, names.size() - most);
}

Value* InputCall::add_input(const std::string& wanted, graph::Type type, const Meaning& meaning) {
  // A value inside the model may have the name; nobody outside sees it.
  if (Value* inside = graph.find_value(wanted); inside != nullptr && !inside->is_input())
    graph.rename(inside, wanted + ".inside");
  Value* input = replaced;
  if (added++ > 0) {
    input = graph.add_input(wanted, std::move(type));
  } else {
    graph.rename(input, wanted);
    input->type = std::move(type);
    input->contents.reset();
  }
  artifact::set_meaning(graph.metadata, artifact::Side::input, input->name, meaning);
  return input;
}

Error InputCall::bad(std::string why, std::string_view key, std::string help) const {
  return bad_setting(settings, fmt::format("cannot make the input '{}'", name), std::move(why), key, std::move(help));
}

Value* OutputCall::other(std::string_view wanted) const {
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    if (graph.output_names()[i] == wanted) return graph.outputs()[i];
  }
  return nullptr;
}

Error OutputCall::bad(std::string why, std::string_view key, std::string help) const {
  return bad_setting(settings, fmt::format("cannot make the output '{}'", name), std::move(why), key, std::move(help));
}

std::string canonical_text(const Processing& processing) {
  if (processing.empty()) return "";
  return canonical_json({{"inputs", document(processing.inputs)}, {"outputs", document(processing.outputs)}});
}

Result<std::unique_ptr<Graph>> apply(const Processing& processing, std::unique_ptr<Graph> graph) {
  if (processing.empty()) return graph;
  TRY(ops::infer(*graph));
  Faults faults;
  Images images;
  for (const auto& part : processing.inputs) {
    if (auto done = apply_input(part, *graph, images); !done) faults.add(std::move(done).error());
  }
  Outputs outputs;
  for (std::size_t i = 0; i < graph->outputs().size(); ++i)
    outputs.push_back({graph->outputs()[i], graph->output_names()[i], {}});
  for (const auto& part : processing.outputs) {
    if (auto done = apply_output(part, *graph, images, outputs); !done) faults.add(std::move(done).error());
  }
  if (!faults.none()) return std::move(faults).sum("cannot build the model with its inputs and outputs");
  return with_outputs(*graph, outputs);
}

}  // namespace modelctl::processing
