// A pass: one file that rewrites a graph and keeps what it computes. Each lib/passes/<stem>.cpp defines
// std::span<const PassDef> <stem>_pass(), and opens with before -> after -> when it does not pay. The definition says
// when the pass runs, so that no other file names it: pipeline/ runs the phases, rewriting/ holds what passes share.
#pragma once

#include "graph/graph.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  // Multiplications that folding may still compute, some seconds: those of a small model can be without bound.
  mutable std::uint64_t fold_multiplications = std::uint64_t{1} << 32;
};

// In the order in which they run; pipeline/pipeline.cpp says why. Only `simplify` runs twice, and `fold` until nothing
// changes.
enum class Phase : std::uint8_t {
  bind,       // what the user decided becomes part of the graph
  infer,      // types and shapes; also after other phases
  equate,     // sizes of inputs that can only be equal get one name
  expand,     // operators that name other values of the graph are written out, while those still exist
  quantize,   // float operators between quantized values become operators of integers
  fold,       // what is known before the model runs becomes constants, in rounds
  simplify,   // nodes that compute nothing, or the same as another, disappear; again after `layout`
  decompose,  // operators without a kernel or reference implementation of their own become others
  recognize,  // f16 is computed in f32; what exporters wrote as arithmetic becomes one operator again
  layout,     // products get the operators and the memory layout that kernels want
  fuse,       // what follows a product becomes part of it, in the order in which the kernel applies it
};

struct PassDef {
  std::string_view name;     // as --print-after takes it: the file's stem with '-' for '_'
  std::string_view summary;  // one sentence
  Phase phase;
  int order = 0;             // within the phase, ascending and unique; in tens, so that a new pass fits between two
  int level = 2;             // the lowest optimization level (build -O) that runs it
  bool infer_after = false;  // infer runs right after it if it changed something: the next pass needs the new types
  // Returns how much it changed. The graph must be verified; what it leaves verifies. Passes other than infer itself
  // keep the types of values that they create if they know them, and leave the rest to the next infer.
  Result<std::size_t> (*run)(graph::Graph& graph, const PassContext& context) = nullptr;
};

// All passes, by name.
std::span<const PassDef* const> table();
const PassDef* find(std::string_view name);
// The passes of a phase in their order.
std::vector<const PassDef*> passes_of(Phase phase);

}  // namespace modelctl::passes
