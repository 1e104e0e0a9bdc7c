// serve: models as an inference server.
#pragma once

#include "actions/model_source.hpp"
#include "serve/events.hpp"

namespace modelctl::actions {

struct ServeRequest {
  std::vector<std::string> models;  // each in any form; none: the model of modelctl.yaml
  ModelSource source;               // of all: whose signature counts, how references are pulled; without a text
  std::string name;                 // overrides the model's own; of one model alone
  serve::GivenSettings settings;    // what is absent is taken from modelctl.yaml, or its default
  serve::EventSink events;          // called for each event, by the thread that called serve()
};

struct ServeReport {
  std::uint16_t port = 0;
};

// Returns when a stop was asked for and everything under way was answered. Fails before it serves any prediction with
// what verifying, loading or proving the model fails with; and later with untrusted if somebody alters the model's file
// while it is served: then it stops, since what it would compute is no longer what was verified.
Result<ServeReport> serve(const ServeRequest& request, Host& host);

}  // namespace modelctl::actions
