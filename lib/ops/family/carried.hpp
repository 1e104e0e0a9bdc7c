// What Loop and Scan share at build time: the types of loop-carried values, which the body takes, changes and takes
// again.
#pragma once

#include "ops/schema/infer.hpp"

namespace modelctl::ops {

// Types the body's inputs from `first` on as the values `initial` become them, infers the body, and returns the types
// that hold for each iteration and for the end. What an iteration changes, a size or the rank, is left open; an
// optional may be replaced by a value of the type that it holds. The body's outputs from `first_output` on are the next
// values.
Result<std::vector<graph::Type>> infer_carried(Inference& call, graph::Graph& body, std::size_t first,
                                               std::vector<graph::Type> initial, std::size_t first_output);

// The type after the loop: a size that the body left open gets a symbol of its own, since it need not be the one of an
// iteration.
graph::Type type_after_loop(Inference& call, const graph::Type& carried, const graph::Type& initial);

}  // namespace modelctl::ops
