// A file has its own name in samples/, with a number if another file has that name. A file that a table names keeps its
// place beside the table, because the table is packed as it is.
#include "actions/packed_samples.hpp"

#include "actions/input_options.hpp"
#include "actions/project.hpp"
#include "actions/quality.hpp"
#include "actions/samples.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "package/private_keys.hpp"

#include <fmt/core.h>

#include <map>
#include <optional>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr const char* list_path = "samples/samples.json";

class Entries {
 public:
  // The path in the package of a file that the list names.
  Result<std::string> place(const fs::path& file) {
    if (auto known = places_.find(file); known != places_.end()) return known->second;
    std::string path = "samples/" + file.filename().string();
    for (int number = 2; !sources_.emplace(path, file).second; ++number)
      path = fmt::format("samples/{}-{}", number, file.filename().string());
    TRY(add(file, path));
    return places_[file] = path;
  }

  // Places a file that a table names, `file` relative to the current folder as the table is.
  Result<void> place_beside(const fs::path& table, const fs::path& file) {
    fs::path relative = file.lexically_normal();
    if (table.has_parent_path()) relative = relative.lexically_relative(table.parent_path().lexically_normal());
    bool inside = !relative.empty() && !relative.is_absolute() && *relative.begin() != "..";
    if (!inside || file.is_absolute()) {
      return Error(Kind::bad_input, "sample-elsewhere", fmt::format("cannot pack '{}'", file.string()))
          .because(fmt::format("'{}' names it, and it is not in the folder of that file", table.string()))
          .help("move it there, and name it relative to that folder");
    }
    std::string path = "samples/" + relative.generic_string();
    auto [other, added] = sources_.emplace(path, file);
    if (added) return add(file, path);
    std::error_code code;
    if (fs::equivalent(other->second, file, code)) return {};
    return Error(Kind::bad_input, "same-entry", fmt::format("cannot pack '{}'", file.string()))
        .because(fmt::format("both it and '{}' would be '{}'", other->second.string(), path))
        .help("rename one of them");
  }

  std::vector<package::Payload> finish() && { return std::move(payload_); }

 private:
  Result<void> add(const fs::path& file, const std::string& path) {
    package::Content content = TRY(package::content_without_key(file));
    payload_.push_back({path, package::Role::sample, false, std::move(content)});
    return {};
  }

  std::map<fs::path, std::string> places_;
  std::map<std::string, fs::path> sources_{{list_path, fs::path()}};  // of each path in the package
  std::vector<package::Payload> payload_;
};

class Packer {
 public:
  Packer(const PackRequest& request, std::shared_ptr<const runtime::Model> model, Host& host)
      : request_(request),
        host_(host),
        model_(std::move(model)),
        options_(options()),
        checker_(model_, options_, {.stop = &host.stop}) {}

  Result<std::vector<package::Payload>> pack() {
    Json list = Json::array();
    for (const PackRequest::Sample& sample : request_.samples) list.push_back(TRY(listed(sample)));
    Json document = {{"format", "modelctl.samples/1"}, {"samples", std::move(list)}};
    if (!request_.label_column.empty()) document["label_column"] = request_.label_column;
    if (!request_.classes.empty()) document["classes"] = TRY(entries_.place(request_.classes));
    TRY(check());
    std::vector<package::Payload> payload;
    payload.push_back({list_path, package::Role::sample, false, package::Content::of_bytes(canonical_json(document))});
    for (package::Payload& one : std::move(entries_).finish()) payload.push_back(std::move(one));
    return payload;
  }

 private:
  formats::ReadOptions options() {
    auto options = input_options(formats::CsvHeader::automatic, model_->plan().metadata, host_, request_.label_column);
    options.records = [this, read = std::move(options.records)](const formats::Format& format,
                                                                const formats::Source& source) {
      table_ = source.where;
      auto columns = read(format, source);
      table_.clear();
      return columns;
    };
    options.open = [this](const std::string& file) -> Result<std::vector<std::byte>> {
      if (!table_.empty()) TRY(entries_.place_beside(table_, file));
      return read_file(file);
    };
    return options;
  }

  Result<Json> listed(const PackRequest::Sample& sample) {
    Json object = Json::object();
    if (!sample.name.empty()) object["name"] = sample.name;
    for (const auto& [name, path] : sample.inputs) object["inputs"][name] = TRY(entries_.place(path));
    for (const auto& [name, path] : sample.outputs) object["outputs"][name] = TRY(entries_.place(path));
    if (!sample.labels.empty()) object["labels"] = TRY(entries_.place(sample.labels));
    return object;
  }

  Result<void> check() {
    std::vector<std::string> classes;
    if (!request_.classes.empty()) classes = TRY(read_classes(request_.classes));
    QualityMeter meter(std::nullopt, std::move(classes), request_.classes.string());
    for (std::size_t i = 0; i < request_.samples.size(); ++i) {
      const PackRequest::Sample& sample = request_.samples[i];
      ModelSample computed{
          sample.name.empty() ? fmt::format("sample {}", i + 1) : fmt::format("the sample '{}'", sample.name),
          texts(sample.inputs), texts(sample.outputs)};
      auto outputs = checker_.check(computed);
      if (!outputs) return explained(std::move(outputs).error());
      if (auto compared = compare_labels(sample, *outputs, meter); !compared)
        return explained(in_sample(std::move(compared).error(), computed.title));
    }
    return {};
  }

  Result<void> compare_labels(const PackRequest::Sample& sample, std::span<const Tensor> outputs,
                              QualityMeter& meter) const {
    auto labels = TRY(labels_of(sample));
    if (!labels) return {};
    return meter.add(model_->signature(), model_->plan().metadata, outputs, *labels);
  }

  // Nothing if there are none: inputs may, but need not have the column of the labels.
  Result<std::optional<Labels>> labels_of(const PackRequest::Sample& sample) const {
    std::string column = request_.label_column, file = sample.labels.string();
    if (file.empty() && !column.empty()) file = only_file(Project::Sample::arguments(sample.inputs));
    if (file.empty()) return std::optional<Labels>();
    auto labels = read_labels(file, options_, column);
    if (!labels && labels.error().code == "no-such-column" && sample.labels.empty()) return std::optional<Labels>();
    return std::optional<Labels>(TRY(std::move(labels)));
  }

  static std::vector<std::pair<std::string, std::string>> texts(
      const std::vector<std::pair<std::string, fs::path>>& files) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [name, path] : files) all.emplace_back(name, path.string());
    return all;
  }

  static Error explained(Error error) {
    error.what = fmt::format("cannot pack: {}", error.what);
    if (error.hint.empty())
      error.hint = "correct the samples in modelctl.yaml; 'modelctl evaluate' compares all of them";
    return error;
  }

  const PackRequest& request_;
  Host& host_;
  std::shared_ptr<const runtime::Model> model_;
  Entries entries_;
  fs::path table_;  // that is read, and may name files; empty while none is
  formats::ReadOptions options_;
  SampleChecker checker_;
};

}  // namespace

Result<std::vector<package::Payload>> packed_samples(const PackRequest& request,
                                                     std::shared_ptr<const runtime::Model> model, Host& host) {
  return Packer(request, std::move(model), host).pack();
}

}  // namespace modelctl::actions
