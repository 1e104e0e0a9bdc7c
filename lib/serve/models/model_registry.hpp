// What this process has of each model, version by version, and in which state. The registry is what operators and
// clients look at; the router's table, which it derives from the versions that are ready, is what requests use.
#pragma once

#include "serve/models/router.hpp"

namespace modelctl::serve {

class Metrics;

//   loading -> ready -> unloading -> unavailable
//      '----> failed
enum class VersionState { loading, ready, unloading, unavailable, failed };

struct VersionStatus {
  std::string model;
  std::string version;  // empty while it is not known: of a load that has begun or failed
  VersionState state = VersionState::loading;
  std::string reason;  // of failed and unavailable
  std::vector<std::string> labels;
};

class ModelRegistry {
 public:
  ModelRegistry(Router& router, Metrics& metrics) : router_(router), metrics_(metrics) {}

  // A load of a model begins, or has failed. Versions that are ready go on serving.
  void begin_loading(const std::string& model);
  void fail_loading(const std::string& model, std::string reason);
  // What was reported of a load that never succeeded is no longer of interest.
  void forget_loading(const std::string& model);
  // Makes a version ready. One of the same name and version is replaced, and is freed after its last request. Without
  // labels of an operator's, `stable` is the highest version. Refuses a signature other than that of the model's other
  // versions with conflict: a router would mix them.
  Result<void> publish(std::shared_ptr<LoadedModel> model);
  // No request reaches these versions any more; each is unavailable when its last one is answered. Without `version`:
  // all of the model. Returns false if none was ready.
  bool withdraw(const std::string& model, const std::optional<std::string>& version = std::nullopt);

  // Replaces the rules of a model. What they name must be ready, else bad_input: a misspelled version would move
  // traffic to wherever else there is a weight.
  Result<void> set_rules(const std::string& model, RoutingRules rules);
  // Versions may have lost their worker process, or have it again: those that cannot predict get no requests.
  void refresh();
  // Another version for a request whose version has lost its process: the one that the router selects if `lost` is not
  // ready. Null if there is none, or if the client names the version or label that it wants.
  std::shared_ptr<LoadedModel> alternative(PredictionRequest& request, const LoadedModel& lost);

  std::vector<VersionStatus> index() const;  // sorted by model and version
  // Why a model has nothing that is ready: "it is being loaded", …; empty if it is not known here. With a version: why
  // that one is not ready although it is loaded; else empty.
  std::string reason(const std::string& model, const std::string& version = "") const;

 private:
  struct Entry {
    VersionState state = VersionState::loading;
    std::string reason;
    std::shared_ptr<LoadedModel> ready;
    std::weak_ptr<LoadedModel> leaving;
  };
  using Versions = std::map<std::string, Entry>;
  // Those that are ready, without `except`. Under mutex_.
  ModelRoutes routes(const std::string& model, const Versions& versions, const LoadedModel* except) const;
  // Under mutex_. What it returns ends versions, and must end after the lock.
  [[nodiscard]] std::shared_ptr<const RoutingTable> publish_table();
  void count_model(const LoadedModel& model, bool served);

  Router& router_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<std::string, Versions> models_;
  std::map<std::string, RoutingRules> rules_;  // by model, as the operator gave them
};

// Whether `a` is a later version than `b`: numbers compare as numbers, so that 1.10 is later than 1.9.
bool later_version(std::string_view a, std::string_view b);

}  // namespace modelctl::serve
