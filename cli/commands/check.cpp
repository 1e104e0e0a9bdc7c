// check: reports whether a model can be built, and everything that prevents it. A model that cannot be built is a
// result (exit code 1), not an error of the command.
#include "actions/check.hpp"
#include "actions/build.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/present/diagnostics.hpp"
#include "runtime/inputs.hpp"

#include <fmt/ranges.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

struct Flags {
  actions::CheckRequest request;
  std::vector<std::string> bindings;
};

bool is_kernel(const std::string& routine) { return routine.starts_with("kernel:"); }

// "op::Softmax" -> "Softmax", "op:ai.onnx.ml:Scaler" -> "ai.onnx.ml::Scaler", "kernel:conv" -> "conv". Users know the
// names of operators from their models; the prefixes are the plan's way to tell the tables of routines apart.
std::string plain(const std::string& routine) {
  if (is_kernel(routine)) return routine.substr(7);
  std::size_t colon = routine.find(':', 3);
  std::string domain = routine.substr(3, colon - 3);
  return domain.empty() ? routine.substr(colon + 1) : domain + "::" + routine.substr(colon + 1);
}

Json ports(const std::vector<artifact::Port>& list) {
  Json array = Json::array();
  for (const artifact::Port& port : list) array.push_back({{"name", port.name}, {"type", runtime::describe(port)}});
  return array;
}

// Signature and routines are there only if the model can be built: an empty list would look like a model without
// inputs. Obstacles have the form of errors (present/diagnostics.hpp) plus the number of places, so one parser reads
// both.
std::string as_json(const actions::CheckReport& report) {
  Json obstacles = Json::array(), operators = Json::array(), kernels = Json::object(), reference = Json::object();
  for (const auto& obstacle : report.obstacles) {
    Json entry = Json::parse(render_json(obstacle.error, Severity::error))["error"];
    entry["places"] = obstacle.places;
    obstacles.push_back(std::move(entry));
  }
  for (const auto& op : report.operators) {
    operators.push_back({{"name", op.name}, {"nodes", op.nodes}, {"implemented", op.known}});
  }
  for (const auto& [routine, steps] : report.routines)
    (is_kernel(routine) ? kernels : reference)[plain(routine)] = steps;
  Json document = {{"model", report.model.string()},
                   {"buildable", report.good()},
                   {"opsets", report.opsets},
                   {"obstacles", obstacles},
                   {"operators", operators}};
  if (report.good()) {
    document["inputs"] = ports(report.signature.inputs);
    document["outputs"] = ports(report.signature.outputs);
    document["kernels"] = kernels;
    document["reference"] = reference;
  }
  return canonical_json(document);
}

// " (opset 17, ai.onnx.ml 3)"; empty if the file could not be read that far.
std::string opsets_text(const actions::CheckReport& report) {
  if (report.opsets.empty()) return "";
  std::vector<std::string> all;
  for (const auto& [domain, opset] : report.opsets) {
    all.push_back(domain.empty() ? fmt::format("opset {}", opset) : fmt::format("{} {}", domain, opset));
  }
  return fmt::format(" ({})", fmt::join(all, ", "));
}

// The answer is the first word, "no", and the rest is why. Each obstacle is rendered like an error of `build`, so that
// its text can be searched for; without color, because this is the result on stdout and may go to a file.
void print_obstacles(const actions::CheckReport& report, Printer& printer) {
  printer.line(fmt::format("no: '{}' cannot be built{}", report.model.string(), opsets_text(report)));
  for (const auto& obstacle : report.obstacles) {
    printer.line("");
    Error error = obstacle.error;
    if (obstacle.places > 1) error.why.push_back(fmt::format("it is so in {} places", obstacle.places));
    printer.text(render(error, Severity::error, false));
  }
  std::size_t nodes = 0, missing = 0;
  for (const auto& op : report.operators) (op.known ? nodes : missing) += op.nodes;
  printer.line("");
  std::string count =
      fmt::format("{} {}", report.obstacles.size(), report.obstacles.size() == 1 ? "obstacle" : "obstacles");
  if (nodes + missing == 0) return printer.line(count + "; the rest of the model could not be read");
  printer.line(fmt::format("{}; {} of {} nodes have a supported operator", count, nodes, nodes + missing));
}

// "Conv 12 · Relu 11"
template <class Keep>
std::string listed(const std::map<std::string, std::size_t>& routines, Keep keep) {
  std::vector<std::string> all;
  for (const auto& [routine, steps] : routines) {
    if (keep(routine)) all.push_back(fmt::format("{} {}", plain(routine), steps));
  }
  return all.empty() ? "none" : fmt::format("{}", fmt::join(all, " · "));
}

// "reference" are the steps that no kernel was found for: correct, but slow, and so worth a line of their own.
void print_good(const actions::CheckReport& report, Printer& printer) {
  printer.line(fmt::format("yes: '{}' can be built{}", report.model.string(), opsets_text(report)));
  std::vector<std::string> operators;
  for (const auto& op : report.operators) operators.push_back(fmt::format("{} {}", op.name, op.nodes));
  printer.line("");
  Table table{{"", ""}, {}};
  for (const artifact::Port& port : report.signature.inputs) {
    table.rows.push_back({"input", fmt::format("{} {}", port.name, runtime::describe(port))});
  }
  for (const artifact::Port& port : report.signature.outputs) {
    table.rows.push_back({"output", fmt::format("{} {}", port.name, runtime::describe(port))});
  }
  table.rows.push_back({"operators", operators.empty() ? "none" : fmt::format("{}", fmt::join(operators, " · "))});
  table.rows.push_back({"optimized kernels", listed(report.routines, is_kernel)});
  table.rows.push_back({"reference", listed(report.routines, [](const auto& r) { return !is_kernel(r); })});
  printer.table(table);
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  CLI::App& app = binder.app;
  actions::CheckRequest& request = flags->request;
  binder.complete(
      app.add_option("MODEL", request.model, "ONNX model, or - for stdin; by default that of modelctl.yaml"),
      Completes::model);
  app.add_option("--bind", flags->bindings, "Fix a symbolic size of the inputs, as in batch=1")->type_name("NAME=N");
  app.add_option("-O,--optimize", request.level, "How much to optimize, from 0 (nothing) to 3 (all)")
      ->type_name("LEVEL")
      ->capture_default_str()
      ->check(CLI::Range(0, 3));
  return [flags](CommandContext& context) -> Result<int> {
    flags->request.bindings = TRY(actions::parse_bindings(flags->bindings));
    // 1 and not an error's code: a script distinguishes "it cannot be built" from "the check itself failed" (64 and
    // above).
    auto report = TRY(actions::check(flags->request, context.host));
    if (context.printer.format() == Printer::Format::json) context.printer.json(as_json(report));
    else if (report.good()) print_good(report, context.printer);
    else print_obstacles(report, context.printer);
    return report.good() ? 0 : 1;
  };
}

constexpr CommandDef defs[] = {{"check", "Report whether a model can be built, and what prevents it", bind}};

}  // namespace

std::span<const CommandDef> check_command() { return defs; }

}  // namespace modelctl::cli
