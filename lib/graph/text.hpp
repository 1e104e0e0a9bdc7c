// The graph as text, for --print-after, golden tests and readers; parse_text() is the inverse of to_text().
//
//   graph "main" {
//     meta "producer" "pytorch 2.4"
//     input x: f32[batch,3,8,8]
//     const w: f32[2] = [0.5, -1.0]
//     const large: f32[64,3,7,7] = ...
//     y: f32[batch,8,8,8] = Conv(x, large, _) "conv1" {strides: [1, 1], auto_pad: "VALID"}
//     n: i64[2] {batch, 8} = Shape(y)
//     s: sequence<f32[?]> = SplitToSequence(y)
//     z = If(c) {then_branch: graph "then" { … }, else_branch: graph "else" { … }}
//     modelctl::Gemm …
//     output y = "scores"
//   }
//
// `_` is an absent input or output. `optional<…>` and `map<i64,…>` are types like `sequence<…>`. Braces after a type
// hold the known elements (Value::contents). A number with a point or an exponent is a float attribute, one without is
// an integer; empty lists are written ints[], floats[] or strings[]. Elements of a type without a decimal form are
// hexadecimal bytes in quotes. `#` starts a comment. A constant elided as `...` is read back as small pseudorandom
// numbers that depend only on its name, so that a test with large weights stays short.
#pragma once

#include "graph/graph.hpp"

namespace modelctl::graph {

struct TextOptions {
  std::int64_t max_elements = 16;                           // of a constant that is written out
  std::uint64_t max_parsed_bytes = std::uint64_t{1} << 24;  // of a constant that `...` may claim
};

// Reads a type as type_text() prints it.
Result<Type> parse_type(std::string_view text);

std::string to_text(const Graph& graph, const TextOptions& options = {});
Result<std::unique_ptr<Graph>> parse_text(std::string_view text, std::string_view name = "text",
                                          const TextOptions& options = {});

}  // namespace modelctl::graph
