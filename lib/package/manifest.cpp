// The canonical JSON of a manifest: its writer, and the names of what it holds. The reader is manifest_reader.cpp.
#include "package/manifest.hpp"

#include "base/check.hpp"
#include "base/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::package {
namespace {

constexpr std::string_view role_names[] = {"plan", "weights",  "source", "sample",
                                           "code", "document", "sbom",   "provenance"};

Json write_tensors(const std::vector<TensorSignature>& tensors) {
  Json list = Json::array();
  for (const TensorSignature& tensor : tensors) {
    Json shape = Json::array();
    for (const Dimension& dimension : tensor.shape) {
      if (dimension.symbol.empty()) shape.push_back(dimension.size);
      else shape.push_back(dimension.symbol);
    }
    list.push_back({{"name", tensor.name}, {"type", tensor.type}, {"shape", std::move(shape)}});
  }
  return list;
}

// A member that is absent and one that is empty would be two spellings of one manifest: only the absent one is written,
// and the reader accepts nothing else.
template <class T>
void put(Json& object, const char* key, const T& value) {
  if (value != T{}) object[key] = value;
}

Json write_requirements(const Requirements& requirements) {
  Json object = Json::object();
  put(object, "architecture", requirements.architecture);
  put(object, "cpu_features", requirements.cpu_features);
  put(object, "memory", requirements.memory);
  put(object, "libraries", requirements.libraries);
  put(object, "interpreter", requirements.interpreter);
  put(object, "packages", requirements.packages);
  return object;
}

Json write_quality(const std::vector<Quality>& quality) {
  Json list = Json::array();
  for (const Quality& one : quality) {
    Json object = {{"metric", one.metric}, {"value", one.value}};
    put(object, "data_set", one.data_set);
    if (one.data_set_digest) object["data_set_digest"] = one.data_set_digest->text();
    list.push_back(std::move(object));
  }
  return list;
}

Json write_lineage(const Lineage& lineage) {
  Json object = Json::object();
  put(object, "builder", lineage.builder);
  Json sources = Json::array();
  for (const Material& source : lineage.sources) {
    sources.push_back({{"name", source.name}, {"digest", source.digest.text()}});
  }
  put(object, "sources", sources.empty() ? Json() : sources);
  return object;
}

}  // namespace

std::string_view name(Role role) { return role_names[static_cast<std::size_t>(role)]; }

Result<Role> parse_role(std::string_view text) {
  auto found = std::find(std::begin(role_names), std::end(role_names), text);
  if (found != std::end(role_names)) return static_cast<Role>(found - std::begin(role_names));
  std::string all;
  for (std::string_view role : role_names) all += fmt::format("{}{}", all.empty() ? "" : ", ", role);
  return Error(Kind::bad_input, "unknown-role", fmt::format("cannot use the role '{}'", text.substr(0, 100)))
      .because("the roles are " + all);
}

const Entry* Manifest::find(std::string_view path) const {
  auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.path == path; });
  return found == entries.end() ? nullptr : &*found;
}

std::uint64_t Manifest::payload_size() const {
  std::uint64_t size = 0;
  for (const Entry& entry : entries) size += entry.size;
  return size;
}

std::string Manifest::write() const {
  Json list = Json::array();
  for (const Entry& entry : entries) {
    list.push_back({{"path", entry.path},
                    {"role", package::name(entry.role)},
                    {"mode", entry.executable ? "0755" : "0644"},
                    {"size", entry.size},
                    {"digest", entry.digest.text()}});
  }
  Json document = {{"format", manifest_format},
                   {"name", this->name},
                   {"version", version},
                   {"timestamp", timestamp},
                   {"entries", std::move(list)}};
  put(document, "description", description);
  put(document, "licence", license);  // format v1 spells its key so; the format is signed
  Json signature = Json::object();
  if (!inputs.empty()) signature["inputs"] = write_tensors(inputs);
  if (!outputs.empty()) signature["outputs"] = write_tensors(outputs);
  if (!signature.empty()) document["signature"] = std::move(signature);
  if (Json object = write_requirements(requirements); !object.empty()) document["requires"] = std::move(object);
  if (!quality.empty()) document["quality"] = write_quality(quality);
  if (Json object = write_lineage(lineage); !object.empty()) document["lineage"] = std::move(object);
  put(document, "annotations", annotations);
  return canonical_json(document);
}

}  // namespace modelctl::package
