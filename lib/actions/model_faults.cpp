// Readers and passes report what is wrong and where in the graph; the file, and the help that depends on the symbolic
// sizes of the model, are added here.
#include "actions/model_faults.hpp"

#include "graph/graph.hpp"

#include <fmt/format.h>

#include <set>

namespace modelctl::actions {
namespace {

// A size that the user could fix, where one is open.
std::string open_symbol(const ModelAtFault& model) {
  if (model.graph == nullptr) return "";
  std::set<std::string> symbols;
  for (const graph::Value* input : model.graph->inputs) {
    for_each_symbol(input->type, [&](const std::string& symbol) { symbols.insert(symbol); });
  }
  for (const auto& [symbol, size] : model.bindings) symbols.erase(symbol);
  return symbols.empty() ? "" : *symbols.begin();
}

std::string advice(const Error& error, const ModelAtFault& model) {
  if (error.code == "unsupported-type") return "export that part in f32, or put a Cast before it";
  if (error.code != "unknown-type") return "";
  std::string symbol = open_symbol(model);
  return symbol.empty() ? "" : fmt::format("if it is a matter of sizes, fix one: --bind {}=N", symbol);
}

}  // namespace

Error in_model(Error error, const ModelAtFault& model) {
  for (Error& fault : error.faults) fault = in_model(std::move(fault), model);
  if (!error.faults.empty()) return error;
  std::string file = model.file.string();
  if (error.where.empty()) error.where = file;
  else if (!error.where.starts_with(file)) error.where = fmt::format("{}: {}", file, error.where);
  if (error.hint.empty()) error.hint = advice(error, model);
  return error;
}

}  // namespace modelctl::actions
