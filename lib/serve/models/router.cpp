// Weights are weighted rendezvous hashing, the logarithmic method (Schindelhauer, Schomaker, "Weighted distributed hash
// tables", 2005): each version has a number from the client's key and its own name, and the best one by its weight
// wins. A change of one weight then moves clients to that version or from it alone, and a version that goes only its
// own clients.
#include "serve/models/router.hpp"

#include <fmt/core.h>

#include <cmath>

namespace modelctl::serve {
namespace {

// "'a', 'b' and 'c'"
template <class Map>
std::string keys(const Map& map) {
  std::string text;
  std::size_t left = map.size();
  for (const auto& [key, value] : map) {
    text += fmt::format("'{}'", key);
    if (--left > 0) text += left == 1 ? " and " : ", ";
  }
  return text;
}

std::string_view is_or_are(std::size_t count) { return count == 1 ? "is" : "are"; }

// The same on every machine and in every version of modelctl, so that replicas agree about a client (FNV-1a, then the
// finalizer of splitmix64, because FNV leaves the high bits of short texts alike).
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t h = 0xcbf29ce484222325 ^ seed;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

// In (0, 1).
double fraction(std::uint64_t h) { return (static_cast<double>(h >> 11) + 0.5) / (1ULL << 53); }

// The value of a cookie in the header 'Cookie' (RFC 6265, section 4.2); empty if it is not there.
std::string_view cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    std::size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
  }
  return {};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::shared_ptr<LoadedModel> by_rule(const ModelRoutes& routes, const PredictionRequest& request) {
  for (const RoutingRules::Rule& rule : routes.rules.rules) {
    std::string_view value = request.header(rule.header);
    if (value.empty() || (!rule.value.empty() && rule.value != value)) continue;
    if (auto version = find_version(routes, rule.to)) return version;
  }
  return nullptr;
}

// Versions that are not ready have no part: their clients go to the others.
std::shared_ptr<LoadedModel> by_weight(const ModelRoutes& routes, std::uint64_t point) {
  std::shared_ptr<LoadedModel> best;
  double best_score = 0;
  for (const auto& [to, weight] : routes.rules.weights) {
    auto version = weight > 0 ? find_version(routes, to) : nullptr;
    if (version == nullptr) continue;
    double score = -weight / std::log(fraction(hash(to, point)));
    if (score > best_score) {
      best_score = score;
      best = std::move(version);
    }
  }
  return best;
}

}  // namespace

std::shared_ptr<LoadedModel> find_version(const ModelRoutes& routes, const std::string& to) {
  auto label = routes.rules.labels.find(to);
  auto found = routes.versions.find(label == routes.rules.labels.end() ? to : label->second);
  return found == routes.versions.end() ? nullptr : found->second;
}

// What a request is hashed by: the same for all requests of one client.
std::uint64_t Router::point(const RoutingRules& rules, const PredictionRequest& request) {
  if (rules.key.empty()) return hash("", ++requests_);
  std::string_view value;
  if (rules.key.starts_with("header:")) value = request.header(lower(std::string_view(rules.key).substr(7)));
  if (rules.key.starts_with("cookie:")) value = cookie(request.header("cookie"), std::string_view(rules.key).substr(7));
  return hash(value.empty() ? request.client() : value, 0);
}

Result<std::shared_ptr<LoadedModel>> Router::select(const ModelSelector& wanted, PredictionRequest* request) {
  auto table = this->table();
  auto at = table->find(wanted.model);
  if (wanted.model.empty() && table->size() == 1) at = table->begin();
  if (table->empty()) return Error(Kind::unavailable, "not-ready", "the model is not ready to answer");
  if (wanted.model.empty() && at == table->end()) {
    return Error(Kind::bad_input, "which-model", "the request does not name one of the models " + keys(*table));
  }
  if (at == table->end()) {
    return Error(
        Kind::not_found, "no-such-model",
        fmt::format("there is no model '{}' here; there {} {}", wanted.model, is_or_are(table->size()), keys(*table)));
  }
  return select_version(at->first, at->second, wanted, request);
}

Result<std::shared_ptr<LoadedModel>> Router::select_version(const std::string& name, const ModelRoutes& routes,
                                                            const ModelSelector& wanted, PredictionRequest* request) {
  if (!wanted.version.empty()) {
    auto found = routes.versions.find(wanted.version);
    if (found != routes.versions.end()) return found->second;
    return Error(Kind::not_found, "no-such-version",
                 fmt::format("there is no version '{}' of '{}' here; there {} {}", wanted.version, name,
                             is_or_are(routes.versions.size()), keys(routes.versions)));
  }
  std::shared_ptr<LoadedModel> found;
  if (request != nullptr && wanted.label.empty()) {
    std::uint64_t where = routes.rules.weights.empty() && !routes.rules.shadow ? 0 : point(routes.rules, *request);
    found = by_rule(routes, *request);
    if (found == nullptr) found = by_weight(routes, where);
    // Hashed again, so that the copied requests are a sample of every version's.
    if (const auto& shadow = routes.rules.shadow; shadow && fraction(hash("shadow", where)) < shadow->share)
      request->shadow = find_version(routes, shadow->to);
  }
  if (found == nullptr) found = find_version(routes, wanted.label.empty() ? "stable" : wanted.label);
  if (found == nullptr) {
    return Error(Kind::not_found, "no-such-label",
                 fmt::format("there is no version of '{}' with the label '{}'", name,
                             wanted.label.empty() ? "stable" : wanted.label));
  }
  if (request != nullptr && request->shadow == found) request->shadow = nullptr;
  return found;
}

}  // namespace modelctl::serve
