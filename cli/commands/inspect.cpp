// inspect: shows what is in a model, an artifact, a package or a linked program.
#include "actions/inspect.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/model.hpp"
#include "runtime/inputs.hpp"

#include <fmt/format.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// A fixed size is a number in JSON, a symbolic one its text.
// A model has no meanings; an artifact may.
Json ports(const std::vector<artifact::Port>& list, const std::vector<artifact::Meaning>& meanings) {
  Json array = Json::array();
  for (const artifact::Port& port : list) {
    Json dims = Json::array();
    for (const artifact::PortDim& dim : port.dims) {
      if (dim.symbol.empty()) dims.push_back(dim.size);
      else dims.push_back(dim.symbol);
    }
    array.push_back({{"name", port.name}, {"type", name(port.type)}, {"dims", dims}});
    if (port.optional) array.back()["optional"] = true;
    if (array.size() > meanings.size()) continue;
    const artifact::Meaning& meaning = meanings[array.size() - 1];
    if (meaning.description.empty()) continue;
    array.back()["content"] = artifact::word(meaning.content);
    array.back()["description"] = meaning.description;
  }
  return array;
}

// `states`, `files` and `run_bytes` are absent if they say nothing. `operators` is always there; for everything but
// a model it lists routines, which are what a plan consists of.
std::string as_json(const actions::InspectReport& report) {
  Json document = {{"kind", report.kind},
                   {"bytes", report.bytes},
                   {"inputs", ports(report.signature.inputs, report.inputs)},
                   {"outputs", ports(report.signature.outputs, report.outputs)},
                   {"steps", report.steps},
                   {"weight_bytes", report.weight_bytes},
                   {"metadata", report.metadata},
                   {"operators", Json::array()}};
  for (const auto& count : report.counts) {
    document["operators"].push_back({{"name", count.name}, {"count", count.count}});
  }
  if (report.run_bytes) document["run_bytes"] = *report.run_bytes;
  for (const auto& state : report.states) {
    document["states"].push_back({{"input", report.signature.inputs[state.input].name},
                                  {"output", report.signature.outputs[state.output].name},
                                  {"axis", state.axis},
                                  {"grows", state.grows}});
  }
  for (const auto& file : report.files) {
    document["files"].push_back({{"path", file.path}, {"role", file.role}, {"bytes", file.bytes}});
  }
  return canonical_json(document);
}

// A column with what inputs are made from and outputs mean, if any of it is known.
void add_meanings(const actions::InspectReport& report, Table& signature) {
  std::vector<artifact::Meaning> all = report.inputs;
  all.insert(all.end(), report.outputs.begin(), report.outputs.end());
  auto described = [](const artifact::Meaning& meaning) { return !meaning.description.empty(); };
  if (all.size() != signature.rows.size() || std::none_of(all.begin(), all.end(), described)) return;
  signature.header.push_back("made from, or meaning");
  for (std::size_t i = 0; i < all.size(); ++i) signature.rows[i].push_back(all[i].description);
}

// Several tables with their own columns; those without rows are omitted.
void print(const actions::InspectReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) return printer.json(as_json(report));
  Table facts{{"", ""}, {}};
  facts.rows.push_back({"kind", report.kind});
  facts.rows.push_back({"size", human_bytes(report.bytes)});
  facts.rows.push_back({"weights", human_bytes(report.weight_bytes)});
  // Only if it is known without running: a model with sizes that depend on data has none.
  if (report.run_bytes) facts.rows.push_back({"memory of a run", human_bytes(*report.run_bytes)});
  for (const auto& [key, value] : report.metadata) facts.rows.push_back({key, value});
  printer.table(facts);

  Table signature{{"", "name", "type"}, {}};
  for (const auto& port : report.signature.inputs) {
    signature.rows.push_back({port.optional ? "optional input" : "input", port.name, runtime::describe(port)});
  }
  for (const auto& port : report.signature.outputs) {
    signature.rows.push_back({"output", port.name, runtime::describe(port)});
  }
  add_meanings(report, signature);
  if (!signature.rows.empty()) {
    printer.line("");
    printer.table(signature);
  }
  if (!report.states.empty()) {
    Table states{{"state", "type", "returned as", "along"}, {}};
    for (const auto& state : report.states) {
      const artifact::Port& input = report.signature.inputs[state.input];
      states.rows.push_back(
          {input.name, runtime::describe(input), report.signature.outputs[state.output].name,
           fmt::format("dimension {}, {}", state.axis, state.grows ? "grows with each run" : "constant size")});
    }
    printer.line("");
    printer.table(states);
  }
  if (!report.counts.empty()) {
    Table counts{{report.kind == "model" ? "operator" : "routine", "count"}, {}};
    for (const auto& count : report.counts) counts.rows.push_back({count.name, std::to_string(count.count)});
    printer.line("");
    printer.table(counts);
  }
  if (!report.files.empty()) {
    Table files{{"file", "role", "size"}, {}};
    for (const auto& file : report.files) files.rows.push_back({file.path, file.role, human_bytes(file.bytes)});
    printer.line("");
    printer.table(files);
  }
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::InspectRequest>();
  bind_model(binder, request->model);
  return [request](CommandContext& context) -> Result<int> {
    print(TRY(actions::inspect(*request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {
    {"inspect", "Show what is in a model, artifact or package", bind, Stage::build, "info show"}};

}  // namespace
std::span<const CommandDef> inspect_command() { return defs; }
}  // namespace modelctl::cli
