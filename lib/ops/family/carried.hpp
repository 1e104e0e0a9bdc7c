// What Loop and Scan share at build time: the types of values that a body takes, changes and takes again.
#pragma once

#include "ops/schema/infer.hpp"

namespace modelctl::ops {

// Types the body's inputs from `first` on as the values `initial` become them, infers the body, and answers the types
// that hold for each iteration and for the end. What an iteration changes, a size or the rank, is left open; what is an
// optional at first may be given as what that holds. The body's outputs from `first_output` on are the next values.
Result<std::vector<graph::Type>> infer_carried(Inference& call, graph::Graph& body, std::size_t first,
                                               std::vector<graph::Type> initial, std::size_t first_output);

// As it leaves the loop: a size that the body left open is another one than in the body.
graph::Type left_by(Inference& call, const graph::Type& carried, const graph::Type& initial);

}  // namespace modelctl::ops
