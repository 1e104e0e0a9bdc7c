// Reads the kubeconfig as kubectl does: the files of $KUBECONFIG, else ~/.kube/config. Of credentials only the kind is
// reported. No cluster is contacted.
#include "actions/probe.hpp"

#include "base/files.hpp"
#include "http/url.hpp"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t size_limit = 1u << 20;  // yaml-cpp builds all of a document in memory

// The entry of a list of {name: NAME, KEY: ENTRY}; a node that is false if there is none.
YAML::Node named(const YAML::Node& document, const char* list, const std::string& name, const char* key) {
  YAML::Node entries = document[list];
  if (!entries.IsDefined() || !entries.IsSequence()) return YAML::Node(YAML::NodeType::Undefined);
  for (const YAML::Node& entry : entries) {
    if (entry.IsMap() && entry["name"].as<std::string>("") == name && entry[key].IsMap()) return entry[key];
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

std::string text(const YAML::Node& map, const char* key) {
  return map.IsDefined() && map.IsMap() ? map[key].as<std::string>("") : "";
}

std::string kind_of_credentials(const YAML::Node& user) {
  if (!user.IsDefined()) return "none";
  for (const char* key : {"exec", "auth-provider", "token", "tokenFile", "client-certificate", "username"}) {
    if (user[key].IsDefined() || user[std::string(key) + "-data"].IsDefined()) return key;
  }
  return "none";
}

// The files that the entries name: without them the cluster cannot be reached. Paths are relative to the kubeconfig.
std::string missing_file(const fs::path& folder, const YAML::Node& cluster, const YAML::Node& user) {
  std::error_code code;
  for (const auto& [node, key] : {std::pair(cluster, "certificate-authority"), std::pair(user, "client-certificate"),
                                  std::pair(user, "client-key"), std::pair(user, "tokenFile")}) {
    std::string file = text(node, key);
    if (!file.empty() && !fs::exists(folder / file, code)) return fmt::format("{} '{}'", key, file);
  }
  return "";
}

Finding current_context(const fs::path& file, const YAML::Node& document) {
  Finding finding{.subject = "current context", .state = Finding::State::broken, .value = file.string()};
  std::string current = text(document, "current-context");
  YAML::Node context = named(document, "contexts", current, "context");
  YAML::Node cluster = named(document, "clusters", text(context, "cluster"), "cluster");
  YAML::Node user = named(document, "users", text(context, "user"), "user");
  if (current.empty()) {
    finding.state = Finding::State::absent;
    finding.reason = "the kubeconfig has no current context";
    finding.help = "kubectl config use-context NAME";
  } else if (!context.IsDefined() || text(cluster, "server").empty()) {
    finding.reason = fmt::format("the context '{}' names no cluster of the kubeconfig that has a server", current);
  } else if (std::string missing = missing_file(file.parent_path(), cluster, user); !missing.empty()) {
    finding.reason = fmt::format("the context '{}' needs the {}, which is not there", current, missing);
  } else {
    finding.state = Finding::State::good;
    finding.value = fmt::format("'{}' at {}, credentials: {}", current, http::redacted(text(cluster, "server")),
                                kind_of_credentials(user));
  }
  return finding;
}

Finding kubeconfig(const fs::path& file) {
  std::error_code code;
  if (!fs::exists(file, code)) {
    return {.subject = "kubeconfig",
            .state = Finding::State::absent,
            .value = file.string(),
            .reason = "there is no such file"};
  }
  auto content = read_text_file(file, size_limit);
  if (!content) return broken("kubeconfig", content.error());
  try {
    YAML::Node document = YAML::Load(*content);
    if (document.IsMap()) return current_context(file, document);
  } catch (const YAML::Exception&) {  // its text might quote a secret
  }
  return {.subject = "kubeconfig",
          .state = Finding::State::broken,
          .value = file.string(),
          .reason = "it is not a kubeconfig: a mapping in YAML"};
}

std::vector<Finding> run(const ProbeContext& context) {
  const Environment& environment = context.host.environment;
  std::vector<Finding> findings;
  if (environment.get("KUBERNETES_SERVICE_HOST")) {
    findings.push_back({.subject = "pod", .value = "this process runs in a cluster"});
  }
  // kubectl merges several files. The first that exists has the current context in all but rare cases.
  std::string files = environment.get("KUBECONFIG").value_or("");
  if (files.empty()) files = environment.get("HOME").value_or("") + "/.kube/config";
  std::error_code code;
  while (files.find(':') != std::string::npos && !fs::exists(files.substr(0, files.find(':')), code)) {
    files.erase(0, files.find(':') + 1);
  }
  findings.push_back(kubeconfig(files.substr(0, files.find(':'))));
  return findings;
}

constexpr ProbeDef defs[] = {{"kubernetes", run}};

}  // namespace
std::span<const ProbeDef> kubernetes_probe() { return defs; }
}  // namespace modelctl::actions
