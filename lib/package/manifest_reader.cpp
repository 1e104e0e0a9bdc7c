// Reads a manifest and reports every fault that it finds, each with its place as a JSON pointer.
#include "package/manifest.hpp"

#include "base/json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace modelctl::package {
namespace {

constexpr std::size_t list_limit = 10'000;  // items of any list
constexpr std::size_t text_limit = 4096;    // bytes of any text

// One object of the document: hands out its members and knows which were never asked for. Accessors do not fail: they
// note the fault and return an empty value, so that one reading finds all faults, and the manifest is used only if
// there is none.
class Reader {
 public:
  Reader(const Json& object, std::string place, Faults& faults)
      : object_(object), place_(std::move(place)), faults_(faults) {
    if (!object.is_object()) fault(place_, "it is not an object");
  }

  void fault(const std::string& place, std::string reason, std::string code = "bad-manifest") {
    faults_.add(Error(Kind::bad_input, std::move(code), "cannot accept the manifest")
                    .at("manifest.json: " + (place.empty() ? "/" : place))
                    .because(std::move(reason)));
  }
  void fault_at(const char* key, std::string reason) { fault(place_ + "/" + key, std::move(reason)); }
  // An error of another check, given a place.
  void fault_at(const char* key, Error error) {
    faults_.add(std::move(error).at("manifest.json: " + place_ + "/" + key));
  }

  const Json* member(const char* key, bool required) {
    asked_.emplace_back(key);
    if (object_.is_object()) {
      if (auto found = object_.find(key); found != object_.end()) return &*found;
      if (required) fault_at(key, "it is missing");
    }
    return nullptr;
  }
  std::string text(const char* key, bool required = false) {
    const Json* value = member(key, required);
    return value ? text_of(*value, place_ + "/" + key) : std::string();
  }
  std::string text_of(const Json& value, const std::string& place) {
    if (!value.is_string()) fault(place, "it is not text");
    else if (value.get_ref<const std::string&>().size() > text_limit) fault(place, "it is longer than 4096 bytes");
    else if (value.get_ref<const std::string&>().empty()) fault(place, "it is empty");
    else return value.get<std::string>();
    return {};
  }
  std::uint64_t number(const char* key, std::uint64_t limit, bool required = false) {
    const Json* value = member(key, required);
    if (!value) return 0;
    if (!value->is_number_unsigned()) fault_at(key, "it is not an integer of 0 or more");
    else if (value->get<std::uint64_t>() > limit) fault_at(key, fmt::format("it is larger than {}", limit));
    else return value->get<std::uint64_t>();
    return 0;
  }
  std::optional<Digest> digest(const char* key, bool required = false) {
    const Json* value = member(key, required);
    if (!value) return std::nullopt;
    if (value->is_string()) {
      if (auto digest = Digest::parse(value->get_ref<const std::string&>())) return *digest;
    }
    fault_at(key, "it is not a digest: 'sha256:' and 64 lower-case hexadecimal digits");
    return std::nullopt;
  }
  // Calls use(item, its place) for each item of a list.
  template <class Use>
  void each(const char* key, bool required, const Use& use) {
    const Json* value = member(key, required);
    if (!value) return;
    if (!value->is_array()) return fault_at(key, "it is not a list");
    if (value->size() > list_limit) return fault_at(key, "it has more than 10000 items");
    if (value->empty() && !required) return fault_at(key, "it is empty");
    for (std::size_t i = 0; i < value->size(); ++i) use((*value)[i], fmt::format("{}/{}/{}", place_, key, i));
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> all;
    each(key, false, [&](const Json& item, const std::string& place) { all.push_back(text_of(item, place)); });
    return all;
  }
  // Calls use(reader) if there is such an object.
  template <class Use>
  void object(const char* key, const Use& use) {
    const Json* value = member(key, false);
    if (!value) return;
    Reader reader(*value, place_ + "/" + key, faults_);
    if (value->is_object() && value->empty()) reader.fault(reader.place_, "it is empty");
    use(reader);
    reader.done();
  }
  Reader inner(const Json& object, std::string place) { return Reader(object, std::move(place), faults_); }

  // What is not understood cannot be vouched for: a new member needs a new format.
  void done() {
    if (!object_.is_object()) return;
    for (const auto& [key, value] : object_.items()) {
      if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) {
        fault(place_ + "/" + key.substr(0, 100), "it is not known");
      }
    }
  }

 private:
  const Json& object_;
  std::string place_;
  Faults& faults_;
  std::vector<std::string> asked_;
};

void read_tensors(Reader& reader, const char* key, std::vector<TensorSignature>& tensors) {
  reader.each(key, false, [&](const Json& item, const std::string& place) {
    Reader one = reader.inner(item, place);
    TensorSignature tensor{one.text("name", true), one.text("type", true), {}};
    one.each("shape", true, [&](const Json& extent, const std::string& where) {
      if (extent.is_number_unsigned()) tensor.shape.push_back({extent.get<std::uint64_t>(), {}});
      else if (extent.is_string()) tensor.shape.push_back({0, one.text_of(extent, where)});
      else one.fault(where, "it is neither a size nor a symbol");
    });
    one.done();
    tensors.push_back(std::move(tensor));
  });
}

void read_requirements(Reader& reader, Requirements& requirements) {
  requirements.architecture = reader.text("architecture");
  requirements.cpu_features = reader.texts("cpu_features");
  requirements.memory = reader.number("memory", payload_limit);
  requirements.libraries = reader.texts("libraries");
  requirements.interpreter = reader.text("interpreter");
  requirements.packages = reader.texts("packages");
}

void read_quality(Reader& reader, std::vector<Quality>& quality) {
  reader.each("quality", false, [&](const Json& item, const std::string& place) {
    Reader one = reader.inner(item, place);
    Quality value{one.text("metric", true), 0, one.text("data_set"), one.digest("data_set_digest")};
    if (const Json* number = one.member("value", true)) {
      if (number->is_number() && std::isfinite(number->get<double>())) value.value = number->get<double>();
      else one.fault_at("value", "it is not a number");
    }
    one.done();
    quality.push_back(std::move(value));
  });
}

void read_lineage(Reader& reader, Lineage& lineage) {
  lineage.builder = reader.text("builder");
  reader.each("sources", false, [&](const Json& item, const std::string& place) {
    Reader one = reader.inner(item, place);
    Material material{one.text("name", true), one.digest("digest", true).value_or(Digest{})};
    one.done();
    lineage.sources.push_back(std::move(material));
  });
}

Entry read_entry(Reader& reader) {
  Entry entry;
  entry.path = reader.text("path", true);
  if (auto good = check_path(entry.path); !good && !entry.path.empty())
    reader.fault_at("path", std::move(good).error());
  std::string role = reader.text("role", true);
  if (auto known = parse_role(role)) entry.role = *known;
  else if (!role.empty()) reader.fault_at("role", std::move(known).error());
  std::string mode = reader.text("mode", true);
  if (mode != "0644" && mode != "0755" && !mode.empty()) reader.fault_at("mode", "it is neither '0644' nor '0755'");
  entry.executable = mode == "0755";
  entry.size = reader.number("size", payload_limit, true);
  entry.digest = reader.digest("digest", true).value_or(Digest{});
  reader.done();
  return entry;
}

std::string fold_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// What only shows between entries: order, names that would meet in one folder, the sum of the sizes.
//
// File systems that ignore case (those of macOS and Windows by default) take two entries that differ in case only for
// one file: the second would overwrite the first after it was checked. The sizes are subtracted from the limit and not
// added up, so that no sum can overflow.
void check_entries(Reader& reader, const std::vector<Entry>& entries) {
  auto fault = [&](const Entry& entry, std::string reason) {
    reader.fault("/entries", fmt::format("the entry '{}' {}", entry.path, reason), "bad-entry-path");
  };
  std::map<std::string, const Entry*> files{{std::string(manifest_path), nullptr}, {std::string(bundle_path), nullptr}};
  std::map<std::string, std::string> folders;
  std::uint64_t left = payload_limit;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    if (i > 0 && entry.path == entries[i - 1].path) {
      fault(entry, "stands there twice");
      continue;
    }
    if (i > 0 && entry.path < entries[i - 1].path)
      fault(entry, fmt::format("must stand before '{}'", entries[i - 1].path));
    auto [there, added] = files.try_emplace(fold_case(entry.path), &entry);
    if (!added && there->second == nullptr) fault(entry, "has a name that is reserved");
    else if (!added) fault(entry, fmt::format("differs from '{}' in case only", there->second->path));
    for (std::size_t slash = entry.path.find('/'); slash != std::string::npos;
         slash = entry.path.find('/', slash + 1)) {
      std::string folder = entry.path.substr(0, slash);
      auto [seen, fresh] = folders.try_emplace(fold_case(folder), folder);
      if (!fresh && seen->second != folder) {
        fault(entry, fmt::format("lies in a folder that differs from '{}' in case only", seen->second));
      }
    }
    if (entry.size > left)
      return reader.fault("/entries", fmt::format("their sizes add up to more than {}", payload_limit));
    left -= entry.size;
  }
  for (const auto& [key, folder] : folders) {
    if (files.contains(key))
      reader.fault("/entries", fmt::format("'{}' is both a file and a folder", folder), "bad-entry-path");
  }
}

// Judged before any member: a newer format may have members that this version would report as faults.
Result<void> check_format(const Json& document) {
  auto format = json_string(document, "format", "manifest.json");
  if (format && *format == manifest_format) return {};
  if (format && format->starts_with("modelctl.package/")) {
    return Error(Kind::unsupported, "unsupported-format",
                 fmt::format("cannot read the package format '{}'", format->substr(0, 100)))
        .at("manifest.json: /format")
        .because(fmt::format("this program knows '{}'", manifest_format))
        .help("use a newer modelctl");
  }
  return Error(Kind::bad_input, "bad-manifest", "cannot accept the manifest")
      .at("manifest.json: /format")
      .because(fmt::format("it is not '{}'", manifest_format));
}

}  // namespace

Result<Manifest> Manifest::read(std::string_view text) {
  if (text.size() > manifest_limit) {
    return Error(Kind::bad_input, "bad-manifest", "cannot accept the manifest")
        .at(std::string(manifest_path))
        .because(fmt::format("it has {} bytes, and {} are the most", text.size(), manifest_limit));
  }
  Json document = TRY(parse_json(text, manifest_path));
  TRY(check_format(document));

  Faults faults;
  Reader reader(document, "", faults);
  Manifest manifest;
  reader.member("format", true);
  manifest.name = reader.text("name", true);
  if (auto good = check_name(manifest.name); !good && !manifest.name.empty())
    reader.fault_at("name", std::move(good).error());
  manifest.version = reader.text("version", true);
  if (auto good = check_version(manifest.version); !good && !manifest.version.empty()) {
    reader.fault_at("version", std::move(good).error());
  }
  if (reader.member("timestamp", true)) manifest.timestamp = reader.number("timestamp", timestamp_limit);
  manifest.description = reader.text("description");
  manifest.license = reader.text("licence");
  reader.object("signature", [&](Reader& signature) {
    read_tensors(signature, "inputs", manifest.inputs);
    read_tensors(signature, "outputs", manifest.outputs);
  });
  reader.object("requires", [&](Reader& requirements) { read_requirements(requirements, manifest.requirements); });
  read_quality(reader, manifest.quality);
  reader.object("lineage", [&](Reader& lineage) { read_lineage(lineage, manifest.lineage); });
  reader.object("annotations", [&](Reader& annotations) {
    if (!document["annotations"].is_object()) return;
    for (const auto& [key, value] : document["annotations"].items()) {
      manifest.annotations[key] = annotations.text(key.c_str());
    }
  });
  reader.each("entries", true, [&](const Json& item, const std::string& place) {
    Reader one = reader.inner(item, place);
    manifest.entries.push_back(read_entry(one));
  });
  check_entries(reader, manifest.entries);
  reader.done();
  if (!faults.none()) return std::move(faults).sum("cannot accept the manifest");
  // The final check, and the strongest one: writing what was read must give the same bytes. It refuses what the checks
  // of the members cannot see, such as escapes, other spellings of a number (1.0, 1e0) and white space.
  if (manifest.write() != text) {
    return Error(Kind::bad_input, "bad-manifest", "cannot accept the manifest")
        .at(std::string(manifest_path))
        .because("it is not in canonical form: keys sorted, no white space, no other spelling of any value");
  }
  return manifest;
}

}  // namespace modelctl::package
