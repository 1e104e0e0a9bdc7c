// Reads modelctl.yaml with a small visitor: each member function of Section names a key, so the known keys, the error
// messages and project_keys() all follow from one description.
#include "actions/project.hpp"

#include "base/files.hpp"
#include "base/suggest.hpp"
#include "processing/kind.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

// A project has a few KiB; yaml-cpp builds all of a document in memory, many times its size.
constexpr std::uint64_t size_limit = 1u << 20;

// Collects the faults and the known keys of all sections.
struct Report {
  const fs::path& file;
  Faults faults;
  std::set<std::string> keys;   // every key that was asked for
  std::vector<fs::path> files;  // every file that is named

  std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? file.string() : fmt::format("{}:{}:{}", file.string(), mark.line + 1, mark.column + 1);
  }
  void refuse(const YAML::Node& node, std::string what, std::string help = {}) {
    Error error = Error(Kind::bad_config, "bad-project", std::move(what)).at(place(node.Mark()));
    error.hint = std::move(help);
    faults.add(std::move(error));
  }
};

// One mapping of the file. Each member asks for a key, and leaves its target alone if the key is absent; finish()
// then refuses the keys that nobody asked for. Sections below an absent one are visited too, so that a run over an
// empty file finds every key there is.
class Section {
 public:
  Section(Report& report, const YAML::Node& node, std::string path) : report_(report), path_(std::move(path)) {
    if (!node) return;
    if (node.IsMap()) node_ = node;
    else report_.refuse(node, fmt::format("cannot use '{}': it is not a mapping", path_));
  }

  Section section(const std::string& key) { return {report_, find(key), full(key)}; }

  // Calls read(section, value) for each mapping of a list, with a new value.
  template <class T, class F>
  void each(const std::string& key, std::vector<T>& values, F&& read) {
    YAML::Node list = find(key);
    if (!list) {
      Section absent(report_, list, full(key) + "[]");
      T unused;
      return read(absent, unused);
    }
    if (!list.IsSequence()) return refuse(list, key, "a list");
    for (const YAML::Node& item : list) {
      Section section(report_, item, full(key) + "[]");
      read(section, values.emplace_back());
    }
  }

  // Calls read(section, name, where) for each entry of a mapping of names to mappings.
  template <class F>
  void named(const std::string& key, F&& read) {
    YAML::Node map = find(key);
    if (!map) return;
    if (!map.IsMap()) return refuse(map, key, "a mapping");
    std::set<std::string> seen;
    for (const auto& entry : map) {
      const YAML::Node& name = entry.first;
      if (!is_text(name)) {
        report_.refuse(name, fmt::format("cannot use a key of '{}': it is not text", full(key)));
      } else if (!seen.insert(name.Scalar()).second) {
        report_.refuse(name, fmt::format("the key '{}.{}' stands twice", full(key), name.Scalar()));
      } else {
        Section section(report_, entry.second, fmt::format("{}.{}", full(key), name.Scalar()));
        read(section, name.Scalar(), name);
      }
    }
  }
  // The only key of a mapping, one of `names`; empty, and refused, if there is another number of them.
  std::string only_key(const YAML::Node& place, const std::vector<std::string>& names) {
    known_.insert(known_.end(), names.begin(), names.end());
    if (node_ && node_.size() == 1 && is_text(node_.begin()->first)) {
      std::string name = node_.begin()->first.Scalar();
      if (std::find(names.begin(), names.end(), name) != names.end()) return name;
      finish();
    } else if (node_) {
      report_.refuse(place, fmt::format("cannot use '{}': it must have one key", path_),
                     fmt::format("the keys here are: {}", fmt::join(names, ", ")));
    }
    return "";
  }
  // The settings of a kind of processing, as its table of keys describes them. They are said at `place`.
  processing::Settings settings(std::span<const processing::Key> keys, const YAML::Node& place) {
    processing::Settings settings(keys, report_.place(place.Mark()));
    for (const processing::Key& key : keys) {
      setting(key, settings);
      if (key.required && !at(std::string(key.name)))
        report_.refuse(place, fmt::format("cannot use '{}': it has no '{}'", path_, key.name));
    }
    finish();
    return settings;
  }

  void text(const std::string& key, std::string& value) {
    if (YAML::Node node = scalar(key)) value = node.Scalar();
  }
  void text(const std::string& key, std::optional<std::string>& value) {
    if (YAML::Node node = scalar(key)) value = node.Scalar();
  }
  void one_of(const std::string& key, const std::vector<std::string>& values, std::optional<std::string>& value) {
    YAML::Node node = scalar(key);
    if (!node) return;
    if (std::find(values.begin(), values.end(), node.Scalar()) != values.end()) value = node.Scalar();
    else refuse(node, key, fmt::format("one of {}", fmt::join(values, ", ")));
  }
  // A key that may also be written as it was in earlier versions. Only `key` is documented; both at once are refused.
  void renamed_text(const std::string& key, const std::string& former, std::string& value) {
    text(key, value);
    YAML::Node old = at(former);
    if (!old) return;
    former_.insert(former);
    if (at(key)) report_.refuse(old, fmt::format("cannot use '{}': '{}' is given too", full(former), full(key)));
    else if (is_text(old)) value = old.Scalar();
    else if (!old.IsNull()) refuse(old, former, "text");
  }
  void path(const std::string& key, fs::path& value) {
    if (YAML::Node node = scalar(key)) value = joined(node);
  }
  void paths(const std::string& key, std::vector<fs::path>& values) {
    YAML::Node list = find(key);
    if (!list) return;
    if (!list.IsSequence()) return refuse(list, key, "a list");
    for (const YAML::Node& item : list) {
      if (is_text(item)) values.push_back(joined(item));
      else report_.refuse(item, fmt::format("cannot use an entry of '{}': it is not text", full(key)));
    }
  }
  void texts(const std::string& key, std::map<std::string, std::string>& values) {
    for_each_pair(key, [&](const std::string& name, const YAML::Node& value) { values[name] = value.Scalar(); });
  }
  void files(const std::string& key, std::vector<std::pair<std::string, fs::path>>& values) {
    for_each_pair(key,
                  [&](const std::string& name, const YAML::Node& value) { values.emplace_back(name, joined(value)); });
  }
  void sizes(const std::string& key, std::map<std::string, std::int64_t>& values) {
    for_each_pair(key, [&](const std::string& name, const YAML::Node& value) {
      std::int64_t size = 0;
      if (whole(value.Scalar(), size) && size >= 0) values[name] = size;
      else refuse(value, fmt::format("{}.{}", key, name), "a whole number of 0 or more");
    });
  }
  template <class T>
  void count(const std::string& key, std::optional<T>& value, std::int64_t least, std::int64_t most) {
    YAML::Node node = scalar(key);
    std::int64_t number = 0;
    if (!node) return;
    if (whole(node.Scalar(), number) && number >= least && number <= most) value = static_cast<T>(number);
    else refuse(node, key, fmt::format("a whole number from {} to {}", least, most));
  }
  void numbers(const std::string& key, std::map<std::string, double>& values) {
    for_each_pair(key, [&](const std::string& name, const YAML::Node& value) {
      double number = 0;
      if (decimal(value.Scalar(), number)) values[name] = number;
      else refuse(value, fmt::format("{}.{}", key, name), "a number");
    });
  }
  void number(const std::string& key, double& value) {
    YAML::Node node = scalar(key);
    if (node && !decimal(node.Scalar(), value)) refuse(node, key, "a number");
  }
  void seconds(const std::string& key, std::optional<double>& value, double least) {
    YAML::Node node = scalar(key);
    double number = 0;
    if (!node) return;
    if (decimal(node.Scalar(), number) && number >= least) value = number;
    else refuse(node, key, least > 0 ? "a number of seconds above 0" : "a number of seconds");
  }
  // "1048576", "1024 KiB", "1MiB", "1GiB"
  void bytes(const std::string& key, std::optional<std::uint64_t>& value) {
    YAML::Node node = scalar(key);
    if (!node) return;
    if (auto bytes = serve::setting::parse_bytes(node.Scalar())) value = bytes;
    else refuse(node, key, "a number of bytes, or of KiB, MiB or GiB");
  }

  void toggle(const std::string& key, std::optional<bool>& value) {
    YAML::Node node = scalar(key);
    if (!node) return;
    if (node.Scalar() == "true" || node.Scalar() == "false") value = node.Scalar() == "true";
    else refuse(node, key, "true or false");
  }

  void require(const std::string& key) {
    if (node_ && !at(key)) report_.refuse(node_, fmt::format("cannot use '{}': it has no '{}'", path_, key));
  }
  // The node under a key, for a check of the caller's own.
  YAML::Node at(const std::string& key) const { return node_ ? node_[key] : YAML::Node(YAML::NodeType::Undefined); }

  // Keys must be unique (YAML 1.2, section 3.2.1.1), but yaml-cpp keeps both and finds one of them without a word. An
  // unknown key is refused, not skipped: it is usually a typing error, and skipping it would run with a default.
  void finish() {
    if (!node_) return;
    std::set<std::string> seen;
    for (const auto& entry : node_) {
      const YAML::Node& key = entry.first;
      if (!key.IsScalar()) {
        report_.refuse(key, fmt::format("cannot use a key of '{}': it is not text", path_));
        continue;
      }
      const std::string& name = key.Scalar();
      if (!seen.insert(name).second) report_.refuse(key, fmt::format("the key '{}' stands twice", full(name)));
      if (former_.count(name) > 0 || std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      std::string meant = nearest(name, known_);
      report_.refuse(key, fmt::format("the key '{}' is unknown", full(name)),
                     meant.empty() ? fmt::format("the keys here are: {}", fmt::join(known_, ", "))
                                   : fmt::format("did you mean '{}'?", meant));
    }
  }

 private:
  static bool is_text(const YAML::Node& node) { return node.IsScalar() && !node.Scalar().empty(); }
  // from_chars and not yaml-cpp's conversion, which reads 010 as an octal 8 and 0x10 as 16.
  static bool whole(const std::string& text, std::int64_t& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
  }
  static bool decimal(const std::string& text, double& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
  }
  std::string full(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  fs::path joined(const YAML::Node& node) const {
    return report_.files.emplace_back(report_.file.parent_path() / node.Scalar());
  }
  void refuse(const YAML::Node& node, const std::string& key, std::string_view wanted) {
    report_.refuse(node, fmt::format("cannot use '{}': it is not {}", full(key), wanted));
  }

  void setting(const processing::Key& key, processing::Settings& to) {
    using processing::KeyType;
    std::string name(key.name);
    YAML::Node node = find(name);
    if (!node) return;
    processing::Setting value{.where = report_.place(node.Mark())};
    std::string wanted;  // what it is not; empty if all is well
    switch (key.type) {
      case KeyType::text: wanted = read_choice(node, key, value); break;
      case KeyType::flag: {
        bool good = is_text(node) && (node.Scalar() == "true" || node.Scalar() == "false");
        if (good) value.texts = {node.Scalar()};
        else wanted = "true or false";
        break;
      }
      case KeyType::ratio:
        if (!is_text(node) || !read_ratio(node.Scalar(), value.numbers)) wanted = "a number, or a ratio such as 1/255";
        break;
      case KeyType::number:
        if (!read_numbers(node, key, false, value.numbers)) wanted = "a number" + bounds_of(key);
        break;
      case KeyType::count:
        if (!read_numbers(node, key, true, value.numbers)) wanted = "a whole number" + bounds_of(key);
        break;
      case KeyType::numbers:
        if (!read_list(node, key, false, value.numbers)) wanted = "a number or a list of numbers";
        break;
      case KeyType::sizes: {
        processing::Key bounds = key;
        bounds.least = 1;
        bounds.most = 16384;
        if (!read_list(node, bounds, true, value.numbers) || value.numbers.size() > 2)
          wanted = "a size in pixels or [height, width], each from 1 to 16384";
        break;
      }
      case KeyType::labels:
        if (is_text(node)) value.file = joined(node);
        else if (!read_texts(node, value.texts)) wanted = "a list of names, or the name of a file";
        break;
      case KeyType::rows:
        if (!node.IsSequence() || node.size() == 0) {
          wanted = "a list";
          break;
        }
        for (const YAML::Node& item : node)
          value.rows.push_back(Section(report_, item, full(name) + "[]").settings(key.columns, item));
        break;
    }
    if (wanted.empty()) to.set(key.name, std::move(value));
    else refuse(node, name, wanted);
  }
  static std::string bounds_of(const processing::Key& key) {
    return key.least < key.most ? fmt::format(" from {} to {}", key.least, key.most) : "";
  }
  static std::string read_choice(const YAML::Node& node, const processing::Key& key, processing::Setting& value) {
    if (!is_text(node)) return "text";
    bool good =
        key.choices.empty() || std::find(key.choices.begin(), key.choices.end(), node.Scalar()) != key.choices.end();
    if (!good) return fmt::format("one of: {}", fmt::join(key.choices, ", "));
    value.texts = {node.Scalar()};
    double number = 0;
    if (decimal(node.Scalar(), number)) value.numbers = {number};
    return "";
  }
  static bool read_ratio(const std::string& text, std::vector<double>& numbers) {
    std::size_t slash = text.find('/');
    double number = 0;
    if (!decimal(text.substr(0, slash), number) || number == 0) return false;
    numbers = {number};
    if (slash == std::string::npos) return true;
    if (!decimal(text.substr(slash + 1), number) || number == 0) return false;
    numbers.push_back(number);
    return true;
  }
  static bool read_numbers(const YAML::Node& node, const processing::Key& key, bool is_whole,
                           std::vector<double>& numbers) {
    double number = 0;
    bool good = is_text(node) && decimal(node.Scalar(), number) && (!is_whole || number == std::floor(number)) &&
                (key.least >= key.most || (number >= key.least && number <= key.most));
    if (good) numbers.push_back(number);
    return good;
  }
  static bool read_list(const YAML::Node& node, const processing::Key& key, bool is_whole,
                        std::vector<double>& numbers) {
    if (!node.IsSequence()) return read_numbers(node, key, is_whole, numbers);
    for (const YAML::Node& item : node) {
      if (!read_numbers(item, key, is_whole, numbers)) return false;
    }
    return !numbers.empty();
  }
  static bool read_texts(const YAML::Node& node, std::vector<std::string>& texts) {
    if (!node.IsSequence()) return false;
    for (const YAML::Node& item : node) {
      if (!is_text(item)) return false;
      texts.push_back(item.Scalar());
    }
    return !texts.empty();
  }

  // The node under a key, which is known from now on; false if it is absent or says nothing ("package:").
  YAML::Node find(const std::string& key) {
    known_.push_back(key);
    report_.keys.insert(full(key));
    YAML::Node node = at(key);
    return node && node.IsNull() ? YAML::Node(YAML::NodeType::Undefined) : node;
  }
  // The text under a key; a node that is false if there is none.
  YAML::Node scalar(const std::string& key) {
    YAML::Node node = find(key);
    if (!node || is_text(node)) return node;
    refuse(node, key, "text");
    return YAML::Node(YAML::NodeType::Undefined);
  }
  template <class F>
  void for_each_pair(const std::string& key, F&& visit) {
    YAML::Node map = find(key);
    if (!map) return;
    if (!map.IsMap()) return refuse(map, key, "a mapping");
    std::set<std::string> seen;
    for (const auto& entry : map) {
      const YAML::Node &name = entry.first, &value = entry.second;
      if (!is_text(name) || !is_text(value)) {
        report_.refuse(name, fmt::format("cannot use an entry of '{}': it is not text: text", full(key)));
      } else if (!seen.insert(name.Scalar()).second) {
        report_.refuse(name, fmt::format("the key '{}.{}' stands twice", full(key), name.Scalar()));
      } else {
        visit(name.Scalar(), value);
      }
    }
  }

  Report& report_;
  std::string path_;
  YAML::Node node_{YAML::NodeType::Undefined};
  std::vector<std::string> known_;
  std::set<std::string> former_;  // keys that stand here under an earlier name
};

void read_package(Section package, Project::Package& to) {
  package.text("name", to.name);
  package.text("version", to.version);
  package.text("description", to.description);
  package.renamed_text("license", "licence", to.license);
  package.each("quality", to.quality, [](Section& item, Project::Quality& quality) {
    item.text("metric", quality.metric);
    item.number("value", quality.value);
    item.text("data_set", quality.data_set);
    item.require("metric");
    item.require("value");
    item.finish();
  });
  package.paths("documents", to.documents);
  package.texts("annotations", to.annotations);
  package.finish();
}

void read_evaluate(Section section, Project::Evaluate& to) {
  section.path("classes", to.classes);
  section.text("label_column", to.label_column);
  section.numbers("min", to.minima);
  section.numbers("max", to.maxima);
  section.finish();
}

// Each entry names an input or output of the model, and below it one kind, with its settings.
template <class Kind>
void read_parts(Section& top, const std::string& key, std::span<const Kind* const> kinds,
                std::vector<processing::Part<Kind>>& parts) {
  std::vector<std::string> names;
  for (const Kind* kind : kinds) names.emplace_back(kind->name);
  top.named(key, [&](Section& section, const std::string& name, const YAML::Node& place) {
    std::string word = section.only_key(place, names);
    auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind* each) { return each->name == word; });
    if (kind != kinds.end()) parts.push_back({name, *kind, section.section(word).settings((*kind)->keys, place)});
  });
}

// One function per type of setting (serve/settings.def).
void read_text(Section& section, const char* key, std::optional<std::string>& value, double, double, const char*) {
  section.text(key, value);
}
void read_choice(Section& section, const char* key, std::optional<serve::setting::choice>& value, double, double,
                 const char* names) {
  std::optional<std::string> text;
  section.one_of(key, serve::setting::choices(names), text);
  if (text) value.emplace().text = *text;
}
void read_file(Section& section, const char* key, std::optional<fs::path>& value, double, double, const char*) {
  fs::path path;
  section.path(key, path);
  if (!path.empty()) value = path;
}
void read_count(Section& section, const char* key, std::optional<std::uint64_t>& value, double least, double most,
                const char*) {
  section.count(key, value, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most));
}
void read_bytes(Section& section, const char* key, std::optional<std::uint64_t>& value, double, double, const char*) {
  section.bytes(key, value);
}
void read_seconds(Section& section, const char* key, std::optional<double>& value, double least, double, const char*) {
  section.seconds(key, value, least);
}

void read_toggle(Section& section, const char* key, std::optional<bool>& value, double, double, const char*) {
  section.toggle(key, value);
}

void read_serve(Section section, serve::GivenSettings& to) {
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  read_##type(section, #key, to.key, least, most, value);
#include "serve/settings.def"
#undef SERVE_SETTING
  section.finish();
}

Project read_document(const YAML::Node& document, Report& report) {
  Project project;
  project.file = report.file;
  Section top(report, document, "");
  top.path("model", project.model);
  top.path("artifact", project.artifact);
  top.sizes("bind", project.bind);
  top.text("target", project.target);
  if (!project.target.empty() && project.target != this_architecture) {
    report.refuse(top.at("target"),
                  fmt::format("cannot build for '{}': this modelctl builds for {}", project.target, this_architecture));
  }
  read_parts(top, "inputs", processing::input_kinds(), project.processing.inputs);
  read_parts(top, "outputs", processing::output_kinds(), project.processing.outputs);
  read_package(top.section("package"), project.package);
  top.each("samples", project.samples, [](Section& item, Project::Sample& sample) {
    item.text("name", sample.name);
    item.files("inputs", sample.inputs);
    item.files("outputs", sample.outputs);
    item.path("labels", sample.labels);
    item.require("inputs");
    item.finish();
  });
  read_evaluate(top.section("evaluate"), project.evaluate);
  read_serve(top.section("serve"), project.serve);
  top.finish();
  std::erase(report.files, project.artifact);
  project.files = std::move(report.files);
  return project;
}

}  // namespace

std::vector<std::string> Project::Sample::arguments(const std::vector<std::pair<std::string, fs::path>>& files) {
  std::vector<std::string> list;
  for (const auto& [name, file] : files) list.push_back(fmt::format("{}={}", name, file.string()));
  return list;
}

Result<Project> parse_project(std::string_view text, const fs::path& file) {
  Report report{.file = file};
  try {
    // Load() would read the first document and ignore the rest. Node access may throw, too, so all of it is in here.
    std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) report.refuse(documents[1], "a project is one document, and a second one begins");
    YAML::Node document = documents.empty() ? YAML::Node() : documents.front();
    bool empty = !document || document.IsNull();
    if (!empty && !document.IsMap()) report.refuse(document, "a project is a mapping of keys to values");
    if (empty || !document.IsMap()) document = YAML::Node(YAML::NodeType::Undefined);
    Project project = read_document(document, report);
    if (report.faults.none()) return project;
  } catch (const YAML::Exception& error) {
    return Error(Kind::bad_config, "bad-yaml", fmt::format("cannot read '{}'", file.string()))
        .at(report.place(error.mark))
        .because(error.msg);
  }
  return std::move(report.faults).sum(fmt::format("cannot use '{}'", file.string()));
}

Result<Project> read_project(const fs::path& file) {
  return parse_project(TRY(read_text_file(file, size_limit)), file);
}

std::vector<std::string> project_keys() {
  Report report{.file = project_file};
  read_document(YAML::Node(YAML::NodeType::Undefined), report);
  return {report.keys.begin(), report.keys.end()};
}

}  // namespace modelctl::actions
