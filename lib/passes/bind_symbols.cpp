// x: f32[batch,3]  --bind batch=4  ->  x: f32[4,3], everywhere.
// It always pays for speed: a size that is a number is planned and folded at build time. The artifact then takes that
// size only, which is why the user must ask for it.
#include "base/suggest.hpp"
#include "passes/pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace modelctl::passes {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Value;

std::vector<std::string> symbols_of_inputs(const Graph& graph) {
  std::vector<std::string> symbols;
  std::set<std::string> seen;
  for (const Value* input : graph.inputs) {
    for_each_symbol(input->type, [&](const std::string& symbol) {
      if (seen.insert(symbol).second) symbols.push_back(symbol);
    });
  }
  return symbols;
}

// All faults at once: a command line may have several.
Result<void> check(const Graph& graph, const PassContext& context) {
  std::vector<std::string> symbols = symbols_of_inputs(graph);
  Faults faults;
  for (const auto& [name, size] : context.bindings) {
    if (std::find(symbols.begin(), symbols.end(), name) == symbols.end()) {
      Error error(Kind::usage, "no-such-symbol",
                  fmt::format("cannot bind '{}': no input has a dimension of that name", name));
      std::string meant = nearest(name, symbols);
      if (!meant.empty()) error.hint = fmt::format("did you mean '{}'?", meant);
      else if (!symbols.empty()) error.hint = fmt::format("the inputs' dimensions are: {}", fmt::join(symbols, ", "));
      faults.add(std::move(error));
    } else if (size < 0) {
      faults.add(
          Error(Kind::usage, "bad-size", fmt::format("cannot bind '{}' to {}: a size is 0 or more", name, size)));
    }
  }
  if (faults.none()) return {};
  return std::move(faults).sum("cannot bind the dimensions");
}

Result<std::size_t> run(Graph& graph, const PassContext& context) {
  if (context.bindings.empty()) return std::size_t{0};
  TRY(check(graph, context));
  auto bound = [&](const std::string& symbol) -> std::optional<Expr> {
    auto at = context.bindings.find(symbol);
    return at == context.bindings.end() ? std::nullopt : std::optional(Expr(at->second));
  };
  std::size_t changes = 0;
  auto bind = [&](const Expr& before) {
    Expr size = before.substitute(bound);
    changes += size.text() != before.text();
    return size;
  };
  // Known elements of shape values are sizes too: a Reshape's target becomes constant with them.
  for_each_graph(graph, [&](Graph& each) {
    for (Value* value : each.values()) {
      value->type = with_sizes(value->type, bind);
      if (!value->contents) continue;
      for (Expr& element : *value->contents) element = bind(element);
    }
  });
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "bind-symbols",
    .summary = "Gives symbolic dimensions the sizes that the user bound.",
    .phase = Phase::bind,
    .order = 10,
    .level = 0,
    .run = run,
}};

}  // namespace

std::span<const PassDef> bind_symbols_pass() { return defs; }

}  // namespace modelctl::passes
