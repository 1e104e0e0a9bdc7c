// Every change ends with a new routing table, so that the registry and what is served cannot differ for longer than one
// call.
#include "serve/models/model_registry.hpp"

#include "serve/metrics.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::serve {
namespace {

bool same_ports(const std::vector<artifact::Port>& a, const std::vector<artifact::Port>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const artifact::Port& x, const artifact::Port& y) {
    auto same_size = [](const artifact::PortDim& m, const artifact::PortDim& n) { return m.size == n.size; };
    return x.name == y.name && x.type == y.type &&
           std::equal(x.dims.begin(), x.dims.end(), y.dims.begin(), y.dims.end(), same_size);
  });
}

bool same_signature(const LoadedModel& a, const LoadedModel& b) {
  return same_ports(a.signature().inputs, b.signature().inputs) &&
         same_ports(a.signature().outputs, b.signature().outputs);
}

// "digits-v2" -> "digits_v2_accuracy": letters, digits and underscores alone, and none of the server's own families,
// whatever a package calls its model and its measures.
std::string quality_family(const std::string& model, const std::string& measure) {
  std::string family = model + "_" + measure;
  std::replace_if(
      family.begin(), family.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  bool ours = family.starts_with("modelctl_") || family.starts_with("process_");
  if (ours || std::isdigit(static_cast<unsigned char>(family.front()))) family = "_" + family;
  return family;
}

}  // namespace

bool later_version(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    std::uint64_t x = 0, y = 0;
    auto [a_end, a_code] = std::from_chars(a.data(), a.data() + a.size(), x);
    auto [b_end, b_code] = std::from_chars(b.data(), b.data() + b.size(), y);
    if (a_code == std::errc() && b_code == std::errc()) {
      if (x != y) return x > y;
      a.remove_prefix(static_cast<std::size_t>(a_end - a.data()));
      b.remove_prefix(static_cast<std::size_t>(b_end - b.data()));
      continue;
    }
    if (a.front() != b.front()) return a.front() > b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  // 1.0-beta is before 1.0, and 1.0.1 after it.
  return a.empty() ? b.starts_with('-') : !a.starts_with('-');
}

void ModelRegistry::begin_loading(const std::string& model) {
  std::lock_guard lock(mutex_);
  models_[model][""] = {};
}

void ModelRegistry::fail_loading(const std::string& model, std::string reason) {
  std::lock_guard lock(mutex_);
  models_[model][""] = {.state = VersionState::failed, .reason = std::move(reason)};
}

void ModelRegistry::forget_loading(const std::string& model) {
  std::lock_guard lock(mutex_);
  auto found = models_.find(model);
  if (found == models_.end()) return;
  found->second.erase("");
  if (found->second.empty()) models_.erase(found);
}

void ModelRegistry::count_model(const LoadedModel& model, bool served) {
  const ModelInfo& info = model.info();
  MetricLabels labels{
      {"model", info.name}, {"version", info.version}, {"digest", info.digest}, {"signer", info.signer}};
  if (served) metrics_.set("modelctl_model_info", labels, 1);
  else metrics_.remove("modelctl_model_info", labels);
  for (const auto& [measure, value] : info.quality) {
    std::string family = quality_family(info.name, measure);
    // With the names as they are: "a-b" and "a_b" are one family.
    MetricLabels of{{"model", info.name}, {"measure", measure}, {"version", info.version}};
    if (served) {
      metrics_.declare(family, "gauge", "Quality measure that the package's manifest states.");
      metrics_.set(family, of, value);
    } else {
      metrics_.remove(family, of);
    }
  }
}

Result<void> ModelRegistry::publish(std::shared_ptr<LoadedModel> model) {
  const ModelInfo& info = model->info();
  std::shared_ptr<LoadedModel> replaced;  // these end outside the lock
  std::shared_ptr<const RoutingTable> before;
  std::lock_guard lock(mutex_);
  auto& versions = models_[info.name];
  for (const auto& [version, entry] : versions) {
    if (version == info.version || entry.ready == nullptr || same_signature(*entry.ready, *model)) continue;
    return Error(Kind::conflict, "other-signature",
                 fmt::format("cannot serve version '{}' of '{}': its inputs and outputs are not those of version '{}'",
                             info.version, info.name, version))
        .help("give it another name with --name, or serve it in another process");
  }
  versions.erase("");
  Entry& entry = versions[info.version];
  if (entry.ready != nullptr) count_model(*entry.ready, false);
  replaced = std::move(entry.ready);
  entry = {.state = VersionState::ready, .ready = std::move(model)};
  count_model(*entry.ready, true);
  before = publish_table();
  return {};
}

bool ModelRegistry::withdraw(const std::string& model, const std::optional<std::string>& version) {
  std::vector<std::shared_ptr<LoadedModel>> withdrawn;  // these end outside the lock
  std::shared_ptr<const RoutingTable> before;
  std::lock_guard lock(mutex_);
  auto found = models_.find(model);
  if (found == models_.end()) return false;
  for (auto& [name, entry] : found->second) {
    if (entry.ready == nullptr || (version && *version != name)) continue;
    count_model(*entry.ready, false);
    entry.state = VersionState::unloading;
    entry.reason = "unloaded";
    entry.leaving = entry.ready;
    withdrawn.push_back(std::move(entry.ready));
  }
  if (!withdrawn.empty()) before = publish_table();
  return !withdrawn.empty();
}

Result<void> ModelRegistry::set_rules(const std::string& model, RoutingRules rules) {
  std::shared_ptr<const RoutingTable> before;  // ends outside the lock
  std::lock_guard lock(mutex_);
  auto found = models_.find(model);
  auto need = [&](const std::string& to) -> Result<void> {
    auto label = rules.labels.find(to);
    const std::string& version = label == rules.labels.end() ? to : label->second;
    if (found != models_.end()) {
      auto entry = found->second.find(version);
      if (entry != found->second.end() && entry->second.ready != nullptr) return {};
      if (to == "stable" && label == rules.labels.end()) return {};  // there always is one
    }
    return Error(
        Kind::bad_input, "bad-routing",
        fmt::format("cannot route to '{}': there is no such version or label of '{}' that is ready", to, model));
  };
  for (const auto& [label, version] : rules.labels) TRY(need(label));
  for (const auto& [to, weight] : rules.weights) TRY(need(to));
  for (const RoutingRules::Rule& rule : rules.rules) TRY(need(rule.to));
  if (rules.shadow) TRY(need(rules.shadow->to));
  rules_[model] = std::move(rules);
  before = publish_table();
  return {};
}

void ModelRegistry::refresh() {
  std::shared_ptr<const RoutingTable> before;  // ends outside the lock
  std::lock_guard lock(mutex_);
  before = publish_table();
}

ModelRoutes ModelRegistry::routes(const std::string& model, const Versions& versions, const LoadedModel* except) const {
  ModelRoutes routes;
  std::string highest;
  for (const auto& [version, entry] : versions) {
    if (entry.ready == nullptr || entry.ready.get() == except || !entry.ready->outage().empty()) continue;
    if (routes.versions.empty() || later_version(version, highest)) highest = version;
    routes.versions.emplace(version, entry.ready);
  }
  if (routes.versions.empty()) return routes;
  if (auto rules = rules_.find(model); rules != rules_.end()) routes.rules = rules->second;
  routes.rules.labels.try_emplace("stable", highest);
  return routes;
}

std::shared_ptr<const RoutingTable> ModelRegistry::publish_table() {
  RoutingTable table;
  for (const auto& [model, versions] : models_) {
    ModelRoutes ready = routes(model, versions, nullptr);
    if (!ready.versions.empty()) table.emplace(model, std::move(ready));
  }
  return router_.replace(std::move(table));
}

std::shared_ptr<LoadedModel> ModelRegistry::alternative(PredictionRequest& request, const LoadedModel& lost) {
  if (!request.selector.version.empty() || !request.selector.label.empty()) return nullptr;
  std::lock_guard lock(mutex_);
  auto found = models_.find(lost.info().name);
  if (found == models_.end()) return nullptr;
  const ModelRoutes others = routes(found->first, found->second, &lost);
  return router_.select_version(found->first, others, request.selector, &request).value_or(nullptr);
}

std::vector<VersionStatus> ModelRegistry::index() const {
  auto table = router_.table();
  std::vector<VersionStatus> all;
  std::lock_guard lock(mutex_);
  for (const auto& [model, versions] : models_) {
    for (const auto& [version, entry] : versions) {
      VersionStatus status{model, version, entry.state, entry.reason, {}};
      if (std::string outage = entry.ready == nullptr ? "" : entry.ready->outage(); !outage.empty()) {
        status.state = VersionState::unavailable;
        status.reason = std::move(outage);
      }
      if (entry.state == VersionState::unloading && entry.leaving.expired()) status.state = VersionState::unavailable;
      if (auto routes = table->find(model); routes != table->end()) {
        for (const auto& [label, labelled] : routes->second.rules.labels) {
          if (labelled == version) status.labels.push_back(label);
        }
      }
      all.push_back(std::move(status));
    }
  }
  return all;
}

std::string ModelRegistry::reason(const std::string& model, const std::string& version) const {
  std::lock_guard lock(mutex_);
  auto found = models_.find(model);
  if (found == models_.end() || found->second.empty()) return "";
  if (!version.empty()) {
    auto entry = found->second.find(version);
    return entry == found->second.end() || entry->second.ready == nullptr ? "" : entry->second.ready->outage();
  }
  for (const auto& [version, entry] : found->second) {
    if (entry.state == VersionState::loading) return "it is being loaded";
    if (entry.state == VersionState::failed) return entry.reason;
    if (std::string outage = entry.ready == nullptr ? "" : entry.ready->outage(); !outage.empty()) return outage;
  }
  return "it was unloaded";
}

}  // namespace modelctl::serve
