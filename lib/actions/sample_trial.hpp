// Finds out whether a model runs on placeholders, and on which sizes: what a model accepts is only known by running it.
#pragma once

#include "actions/sample_template.hpp"
#include "base/host.hpp"
#include "graph/graph.hpp"

namespace modelctl::actions {

// The placeholders for a model with the smallest of some usual sizes for those that it leaves open at which it runs. If
// it runs at none of them they have the size 1 and a warning says why; a model of more than 256 MiB is not tried, since
// that would take as long as building it. The graph is compiled and cannot be used afterwards. Fails as building it
// does, and with interrupted.
Result<SampleTemplate> tried_samples(graph::Graph& graph, const artifact::Signature& signature, Host& host);

}  // namespace modelctl::actions
