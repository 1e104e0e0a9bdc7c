// The whole life of a serving process: listen, load, warm up, serve, drain. Shared by `modelctl serve` and the linked
// runner.
#pragma once

#include "base/host.hpp"
#include "serve/events.hpp"
#include "serve/server.hpp"

#include <functional>

namespace modelctl::serve {

// What is to be served; the caller has verified it.
struct Loaded {
  std::shared_ptr<const runtime::Model> model;
  ModelInfo info;
};

struct ServeTotals {
  std::uint16_t port = 0;
};

// Listens first, so that liveness is served while the model is verified and loaded; ready once one prediction was made.
// Returns after a stop when every accepted request has its response, or at once with the error of `load`. `events` is
// called by the calling thread alone.
Result<ServeTotals> serve_until_stopped(const Settings& settings, const std::function<Result<Loaded>()>& load,
                                        Clock& clock, Reporter& reporter, const EventSink& events,
                                        const StopToken& stop);

}  // namespace modelctl::serve
