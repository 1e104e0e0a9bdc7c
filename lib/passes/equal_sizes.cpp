// a: f32[a_dim_1,1], b: f32[b_dim_2,1], y = Concat(a, b)  ->  b: f32[a_dim_1,1], everywhere.
// Sizes of inputs that an operator requires to be equal become one symbol, that of the first input; or the number, if
// one is known. It restricts nothing: with other sizes that operator would fail in the run. What it gives is a
// signature that says so, one dimension to bind in place of several, and a batch dimension that all inputs share, which
// serving in batches needs. Exporters of tables, such as skl2onnx, leave the first dimension of each input without a
// name.
#include "ops/schema/infer_graph.hpp"
#include "passes/pass.hpp"

#include <algorithm>
#include <map>

namespace modelctl::passes {
namespace {

using graph::Expr;

// The symbols that are a size of an input, in the order of the inputs. Other symbols stand for sizes that the run
// computes: those must not be replaced, since their values are checked against what is planned.
std::vector<std::string> open_sizes(const graph::Graph& graph) {
  std::vector<std::string> symbols;
  for (const graph::Value* input : graph.inputs) {
    if (!input->type.shape) continue;
    for (const Expr& size : *input->type.shape) {
      auto symbol = size.symbol_name();
      if (symbol && std::find(symbols.begin(), symbols.end(), *symbol) == symbols.end()) symbols.push_back(*symbol);
    }
  }
  return symbols;
}

class Sizes {
 public:
  explicit Sizes(std::vector<std::string> open) : open_(std::move(open)) {}

  void equate(const Expr& a, const Expr& b) {
    Expr x = now(a), y = now(b);
    auto of_x = place(x), of_y = place(y);
    if (of_x && y.constant()) chosen_.insert_or_assign(*x.symbol_name(), y);
    else if (of_y && x.constant()) chosen_.insert_or_assign(*y.symbol_name(), x);
    else if (of_x && of_y && *of_x < *of_y) chosen_.insert_or_assign(*y.symbol_name(), x);
    else if (of_x && of_y && *of_y < *of_x) chosen_.insert_or_assign(*x.symbol_name(), y);
  }

  bool empty() const { return chosen_.empty(); }
  // With every chosen size in place. A chain of choices ends: each step is to an earlier input, or to a number.
  Expr now(Expr size) const {
    auto one = [&](const std::string& symbol) -> std::optional<Expr> {
      auto at = chosen_.find(symbol);
      return at == chosen_.end() ? std::nullopt : std::optional(at->second);
    };
    for (std::string before; before != size.text();) {
      before = size.text();
      size = size.substitute(one);
    }
    return size;
  }

 private:
  std::optional<std::ptrdiff_t> place(const Expr& size) const {
    auto symbol = size.symbol_name();
    auto at = symbol ? std::find(open_.begin(), open_.end(), *symbol) : open_.end();
    return at == open_.end() ? std::nullopt : std::optional(at - open_.begin());
  }

  std::vector<std::string> open_;
  std::map<std::string, Expr> chosen_;
};

Result<std::size_t> run(graph::Graph& graph, const PassContext&) {
  Sizes sizes(open_sizes(graph));
  graph.erase_dead();  // what nobody reads requires nothing
  for (const auto& [a, b] : ops::equal_sizes(graph)) sizes.equate(a, b);
  if (sizes.empty()) return std::size_t{0};
  std::size_t changes = 0;
  auto replace = [&](const Expr& before) {
    Expr size = sizes.now(before);
    changes += size.text() != before.text();
    return size;
  };
  for_each_graph(graph, [&](graph::Graph& each) {
    for (graph::Value* value : each.values()) {
      value->type = with_sizes(value->type, replace);
      if (!value->contents) continue;
      for (Expr& element : *value->contents) element = replace(element);
    }
  });
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "equal-sizes",
    .summary = "Gives sizes of inputs that must be equal one name.",
    .phase = Phase::equate,
    .order = 10,
    .level = 0,
    .infer_after = true,
    .run = run,
}};

}  // namespace

std::span<const PassDef> equal_sizes_pass() { return defs; }

}  // namespace modelctl::passes
