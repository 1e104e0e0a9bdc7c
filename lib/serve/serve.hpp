// The whole life of a serving process: listen, load, warm up, serve, drain. Shared by `modelctl serve` and the linked
// runner.
#pragma once

#include "serve/events.hpp"
#include "serve/front_end.hpp"
#include "serve/models/models_folder.hpp"

namespace modelctl::serve {

// What is served: sources that must all be loaded, and how files of the folder of --models are opened, null in programs
// that have none.
struct ServeSources {
  std::vector<OpenModel> models;
  OpenFile open_file;
};

struct ServeTotals {
  std::uint16_t port = 0;
};

// Listens first, so that liveness is served while the models are verified and loaded; ready once each has made a
// prediction. Returns after a stop when every accepted request has its response, or at once with the error of the first
// source that cannot be loaded. `events` is called by the calling thread alone. `start_grpc` is null in programs
// without gRPC. The service manager that the environment names is kept informed, and its sockets are used.
Result<ServeTotals> serve_until_stopped(const Settings& settings, ServeSources sources, Clock& clock,
                                        const Environment& environment, Reporter& reporter, const EventSink& events,
                                        const StopToken& stop, StartFrontEnd start_grpc);

}  // namespace modelctl::serve
