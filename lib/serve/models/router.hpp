// Selects the version that serves a request. The routing table is immutable and replaced as a whole: a request sees one
// table or the next, never a mixture, and a change of weights, labels and versions takes effect in one step.
#pragma once

#include "serve/models/prediction.hpp"
#include "serve/models/routing_rules.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace modelctl::serve {

// The versions of one model that are ready, and who gets which.
struct ModelRoutes {
  std::map<std::string, std::shared_ptr<LoadedModel>> versions;
  RoutingRules rules;  // `labels` has `stable`, at least
};

using RoutingTable = std::map<std::string, ModelRoutes>;  // by the model's name

// The version that a label or a version's own name means; null if none is ready.
std::shared_ptr<LoadedModel> find_version(const ModelRoutes& routes, const std::string& label_or_version);

class Router {
 public:
  // The version that a client names, else the one of the label that it names, else of the first rule that fits, else by
  // weight, else of the label `stable`. Without a request only names, labels and `stable` count.
  //
  // Fails with not_found, which lists what there is; with bad_input if no model is named and there are several.
  Result<std::shared_ptr<LoadedModel>> select(const ModelSelector& selector, PredictionRequest* request = nullptr);
  // The same among these versions of the model `name`, whatever the table has.
  Result<std::shared_ptr<LoadedModel>> select_version(const std::string& name, const ModelRoutes& routes,
                                                      const ModelSelector& selector, PredictionRequest* request);

  std::shared_ptr<const RoutingTable> table() const {
    std::lock_guard lock(mutex_);
    return table_;
  }
  // Returns the table before. Versions may end with it: the caller drops it where they can.
  std::shared_ptr<const RoutingTable> replace(RoutingTable table) {
    auto next = std::make_shared<const RoutingTable>(std::move(table));
    std::lock_guard lock(mutex_);
    table_.swap(next);
    return next;
  }

 private:
  std::uint64_t point(const RoutingRules& rules, const PredictionRequest& request);

  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const RoutingTable> table_ = std::make_shared<const RoutingTable>();
  std::atomic<std::uint64_t> requests_{0};  // without a key
};

}  // namespace modelctl::serve
