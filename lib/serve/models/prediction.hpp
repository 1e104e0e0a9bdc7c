// One prediction on its way through the server, as the core sees it. Each front end (HTTP, later others) derives one
// class from PredictionRequest; the router and the scheduler know nothing of protocols.
//
//   front end: selector, limits -> router: version -> scheduler: decode -> run -> encode -> front end: send
//
// The tensors come after the router, because JSON numbers have no type: only the selected version's signature gives
// them one. That also keeps the expensive part of decoding away from the threads that move bytes.
#pragma once

#include "base/host.hpp"
#include "serve/models/loaded_model.hpp"
#include "serve/served.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace modelctl::serve {

using TimePoint = std::chrono::steady_clock::time_point;

// Which model is asked for; what is empty is left to the router.
struct ModelSelector {
  std::string model, version, label;
};

class PredictionRequest {
 public:
  explicit PredictionRequest(ModelSelector wanted) : selector(std::move(wanted)) {}
  virtual ~PredictionRequest() = default;
  PredictionRequest(const PredictionRequest&) = delete;
  PredictionRequest& operator=(const PredictionRequest&) = delete;

  // On a worker, or on the thread that submits: the inputs in the signature's order. May throw.
  virtual Result<std::vector<Tensor>> decode(const LoadedModel& model) = 0;
  // Whether decode() takes less time than a thread takes to wake, whatever the request says.
  virtual bool decodes_briefly() const { return false; }
  // Exactly once, on any thread: makes the response of the outputs, or of the error for which there are none. `model`
  // is null if none was selected.
  virtual void encode(const LoadedModel* model, Result<std::vector<Tensor>> outputs) noexcept = 0;
  // Exactly once, after encode(): lets the response go. The request no longer counts as pending then, so that a client
  // that has its response finds the place free.
  virtual void send() noexcept = 0;

  // The router's view of the request, for weights and rules: a header (metadata), in lower case, and who sent it.
  virtual std::string_view header(const std::string& name) const = 0;
  virtual std::string_view client() const = 0;

  // What is known when the response is made.
  Served served(const LoadedModel* model) const {
    using Seconds = std::chrono::duration<double>;
    if (model == nullptr) return {};
    return {.model = model->info().name,
            .version = model->info().version,
            .queue_seconds = Seconds(started - arrived).count(),
            .compute_seconds = Seconds(std::chrono::steady_clock::now() - started).count()};
  }

  const ModelSelector selector;
  TimePoint deadline = TimePoint::max();  // set before it is submitted
  StopToken cancelled;                    // set by any thread: nobody waits for the answer any more
  std::shared_ptr<LoadedModel> shadow;    // set by the router: the version that gets a copy
  const TimePoint arrived = std::chrono::steady_clock::now();  // its last byte
  TimePoint started = arrived;                                 // when a worker took it
};

}  // namespace modelctl::serve
