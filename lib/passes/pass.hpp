// A pass: one file that rewrites a graph and keeps what it computes. Each lib/passes/<stem>.cpp defines
// std::span<const PassDef> <stem>_pass(), and opens with before -> after -> when it does not pay. pipeline, match and
// layout are not passes.
#pragma once

#include "graph/graph.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace modelctl {
class StopToken;
}

namespace modelctl::passes {

struct PassContext {
  // Ctrl-C: a pass that can take seconds checks it at each node and returns what it changed so far; the pipeline then
  // fails. Null: never.
  const StopToken* stop = nullptr;
  std::map<std::string, std::int64_t> bindings;  // --bind NAME=N
  // Bytes that folding may still make: a chain of constants that each grow a little must not fill the memory.
  mutable std::uint64_t fold_bytes = std::uint64_t{1} << 28;
  // Products of elements that folding may still compute, some seconds: those of a small model can be without bound.
  mutable std::uint64_t fold_products = std::uint64_t{1} << 32;
};

struct PassDef {
  std::string_view name;     // as --print-after takes it: the file's stem with '-' for '_'
  std::string_view summary;  // one sentence
  // Answers how much it changed. The graph must be verified; what it leaves verifies. Passes but for infer itself keep
  // the types of values that they make known where they know them, and leave the rest to the next infer.
  Result<std::size_t> (*run)(graph::Graph& graph, const PassContext& context);
};

// All passes, by name.
std::span<const PassDef* const> table();
const PassDef* find(std::string_view name);

}  // namespace modelctl::passes
