// Collects the payload, then lets lib/package write it. Everything that could differ between two machines (time, order,
// modes) is fixed, so that packing is reproducible.
#include "actions/pack.hpp"

#include "actions/evaluate.hpp"
#include "actions/output_names.hpp"
#include "actions/packed_samples.hpp"
#include "actions/placeholders.hpp"
#include "actions/project_merge.hpp"
#include "actions/standard_input.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/integrity.hpp"
#include "base/files.hpp"
#include "ops/schema/operator.hpp"
#include "package/passphrase.hpp"
#include "package/private_keys.hpp"
#include "package/spdx.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

// The time that every file of the package bears: SOURCE_DATE_EPOCH (specification of reproducible-builds.org), or none,
// so that the day does not matter. A value that cannot be used is an error: falling back to 0 would change the digest
// silently.
Result<std::uint64_t> timestamp(const Environment& environment) {
  auto text = environment.get("SOURCE_DATE_EPOCH");
  if (!text || text->empty()) return std::uint64_t{0};
  std::uint64_t seconds = 0;
  auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (fault == std::errc() && end == text->data() + text->size() && seconds <= package::timestamp_limit) return seconds;
  return Error(Kind::bad_config, "bad-source-date-epoch", fmt::format("cannot use the time '{}'", *text))
      .at("SOURCE_DATE_EPOCH")
      .because("it is not a number of seconds since 1970 that a tar file can hold");
}

std::vector<package::TensorSignature> tensors(const std::vector<artifact::Port>& ports) {
  std::vector<package::TensorSignature> list;
  for (const artifact::Port& port : ports) {
    package::TensorSignature tensor{port.name, std::string(name(port.type)), {}};
    for (const artifact::PortDim& dim : port.dims) {
      if (dim.size >= 0) tensor.shape.push_back({static_cast<std::uint64_t>(dim.size), {}});
      else tensor.shape.push_back({0, dim.symbol.empty() ? "?" : dim.symbol});
    }
    list.push_back(std::move(tensor));
  }
  return list;
}

// The source model and every file beside it that the build read, as the artifact's metadata has them.
package::Lineage lineage(const std::map<std::string, std::string>& metadata) {
  constexpr std::string_view external = "source.external.";
  package::Lineage lineage;
  for (const auto& [key, value] : metadata) {
    if (key == "producer") lineage.builder = value;
    bool model = key == "source";
    auto digest = Digest::parse(value);
    if (!digest || !(model || key.starts_with(external))) continue;
    auto name = metadata.find("model");
    if (!model) lineage.sources.push_back({key.substr(external.size()), *digest});
    else lineage.sources.insert(lineage.sources.begin(), {name == metadata.end() ? "model" : name->second, *digest});
  }
  return lineage;
}

// "sample" -> "samples/"; only the parts of the artifact are at the top level.
std::string folder_of(package::Role role) {
  switch (role) {
    case package::Role::sample: return "samples/";
    case package::Role::document: return "documents/";
    default: return fmt::format("{}/", package::name(role));
  }
}

std::string path_in_package(const PackRequest::File& file) {
  return folder_of(file.role) + (file.place.empty() ? file.path.filename() : file.place).string();
}

// A file that is named twice is packed once. Two files of one name would be one entry.
Result<void> unite_equal(std::vector<PackRequest::File>& files) {
  std::vector<PackRequest::File> kept;
  for (PackRequest::File& file : files) {
    std::string path = path_in_package(file);
    auto other = std::ranges::find(kept, path, path_in_package);
    std::error_code code;
    if (other == kept.end()) kept.push_back(std::move(file));
    else if (!fs::equivalent(other->path, file.path, code) && fs::exists(file.path, code)) {
      return Error(Kind::usage, "same-entry",
                   fmt::format("cannot pack '{}' and '{}': both would be '{}'", other->path.string(),
                               file.path.string(), path))
          .help("rename one of them");
    }
  }
  files = std::move(kept);
  return {};
}

// What version control, editors and Python leave in a folder. It would differ from machine to machine.
bool is_left_out(const fs::path& entry) {
  std::string name = entry.filename().string();
  return name.starts_with('.') || name == "__pycache__";
}

// The files of a folder of code. Links are refused, not followed: they lead to files that nobody named.
Result<std::vector<PackRequest::File>> files_in(const fs::path& folder) {
  std::error_code code;
  fs::path name = fs::canonical(folder, code).filename();
  std::vector<PackRequest::File> files;
  fs::recursive_directory_iterator entry(folder, code), end;
  for (; !code && entry != end; entry.increment(code)) {
    if (is_left_out(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    fs::file_type type = entry->symlink_status(code).type();
    if (type == fs::file_type::regular) {
      files.push_back({package::Role::code, entry->path(), name / entry->path().lexically_relative(folder)});
    } else if (type != fs::file_type::directory) {
      return Error(Kind::bad_input, "not-a-regular-file", fmt::format("cannot pack the folder '{}'", folder.string()))
          .at(entry->path().string())
          .because("it is neither a file nor a folder")
          .help("replace it with the file that is meant, or name the files with --code one by one");
    }
  }
  if (code) return system_error(code.value(), fmt::format("cannot read the folder '{}'", folder.string()), folder);
  if (!files.empty()) return files;
  return Error(Kind::bad_input, "empty-folder", fmt::format("cannot pack the folder '{}'", folder.string()))
      .because("it has no files, except hidden ones");
}

// The given files, with the files of a folder in its place.
Result<std::vector<PackRequest::File>> with_folders(const std::vector<PackRequest::File>& given) {
  std::vector<PackRequest::File> files;
  for (const PackRequest::File& file : given) {
    std::error_code code;
    bool folder = file.role == package::Role::code && fs::is_directory(file.path, code);
    auto found = folder ? TRY(files_in(file.path)) : std::vector{file};
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

// Only code keeps its executable bit. On file systems without modes every file is executable, and where a document lay
// must not change the package's digest.
Result<package::Payload> payload_of(const PackRequest::File& file) {
  auto content = TRY(package::content_without_key(file.path));
  bool executable = (fs::status(file.path).permissions() & fs::perms::owner_exec) != fs::perms::none;
  return package::Payload{path_in_package(file), file.role, executable && file.role == package::Role::code,
                          std::move(content)};
}

// A file may be an entry already, as one of a sample.
Result<void> add(const PackRequest::File& file, std::vector<package::Payload>& payload) {
  auto added = TRY(payload_of(file));
  auto other = std::ranges::find(payload, added.path, &package::Payload::path);
  if (other == payload.end()) {
    payload.push_back(std::move(added));
    return {};
  }
  std::error_code code;
  if (fs::equivalent(other->content.file, file.path, code)) return {};
  return Error(Kind::usage, "same-entry",
               fmt::format("cannot pack '{}': '{}' is another file", file.path.string(), added.path))
      .help("rename one of them");
}

// Takes what the request leaves out from modelctl.yaml.
Result<PackRequest> complete(PackRequest request, Reporter& reporter) {
  auto merge = TRY(ProjectMerge::of_artifact("pack", request.artifact));
  TRY(merge.readable());  // a license or a sample must not be missing in what is signed
  std::error_code code;
  if (request.artifact.empty() && !fs::exists(merge.subject(), code)) {
    return Error(Kind::not_found, "not-built",
                 fmt::format("cannot pack: there is no '{}', which the project names", merge.subject().string()))
        .help("make it: modelctl build");
  }
  if (auto stale = merge.stale()) {
    stale->what = fmt::format("cannot pack: {}", stale->what);
    return *stale;
  }
  request.artifact = merge.subject();
  const Project& project = merge.project();
  merge.value("package.name", request.name, project.package.name);
  merge.value("package.version", request.version, project.package.version);
  merge.value("package.description", request.description, project.package.description);
  merge.value("package.license", request.license, project.package.license);
  std::vector<package::Quality> quality;
  for (const Project::Quality& one : project.package.quality) {
    quality.push_back({one.metric, one.value, one.data_set, {}});
  }
  merge.entries("package.quality", request.quality, std::move(quality),
                [](const package::Quality& one) { return std::pair(one.metric, one.data_set); });
  std::vector<PackRequest::File> documents;
  for (const auto& path : project.package.documents) documents.push_back({package::Role::document, path});
  merge.entries("package.documents", request.files, std::move(documents), path_in_package);
  merge.entries("package.annotations", request.annotations, project.package.annotations);
  std::vector<PackRequest::Sample> samples;
  for (const Project::Sample& sample : project.samples) {
    samples.push_back({sample.name, sample.inputs, sample.outputs, sample.labels});
  }
  merge.value("samples", request.samples, samples);
  if (!request.samples.empty()) {
    merge.value("evaluate.label_column", request.label_column, project.evaluate.label_column);
    merge.value("evaluate.classes", request.classes, project.evaluate.classes);
  }
  merge.report(reporter);
  auto missing = [](const char* what) {
    return Error(Kind::usage, "missing-option", fmt::format("cannot pack: the package has no {}", what))
        .help("give --name and --version, or package.name and package.version in modelctl.yaml");
  };
  std::vector<NamedFile> inputs{{"the artifact", request.artifact}, {"--key", request.key}};
  for (const PackRequest::File& file : request.files) inputs.push_back({"an entry", file.path});
  TRY(check_outputs("pack", {{"-o", request.output, OutputKind::package}}, inputs));
  TRY(unite_equal(request.files));
  if (request.name.empty()) return missing("name");
  if (request.version.empty()) return missing("version");
  return request;
}

// The metrics of the model on the samples of modelctl.yaml, whose names are the data set. Those that are not defined
// for the samples, as R2 of equal labels, are left out.
Result<std::vector<package::Quality>> measured_quality(const PackRequest& request, Host& host) {
  auto report = TRY(evaluate({.model = ModelSource(request.artifact)}, host));
  if (!report.good) {
    Error error(Kind::bad_input, "not-good",
                fmt::format("cannot pack '{}': it is not good enough", request.artifact.string()));
    for (const Comparison& output : report.outputs) {
      if (output.different > 0)
        error.why.push_back(fmt::format("{} values of '{}' differ", output.different, output.name));
    }
    for (const Bound& bound : report.missed) {
      double value = report.quality->find(bound.metric)->estimate.value;
      error.why.push_back(fmt::format("{} is {}, and must be at {} {}", bound.metric, value,
                                      bound.is_minimum ? "least" : "most", bound.value));
    }
    return std::move(error).help("see modelctl evaluate");
  }
  if (!report.quality) {
    return Error(Kind::usage, "unlabeled", "cannot measure the quality of the model: no sample has labels")
        .help("give samples[].labels in modelctl.yaml, or leave out --evaluate");
  }
  std::string data_set;
  for (const PackRequest::Sample& sample : request.samples) {
    // Labels may be a column of the input.
    fs::path file = sample.labels.empty() && sample.inputs.size() == 1 ? sample.inputs.front().second : sample.labels;
    std::string name = sample.name.empty() ? file.filename().string() : sample.name;
    if (!name.empty()) data_set += (data_set.empty() ? "" : ", ") + name;
  }
  std::vector<package::Quality> quality;
  for (const Metric& metric : report.quality->metrics) {
    if (std::isfinite(metric.estimate.value)) quality.push_back({metric.name, metric.estimate.value, data_set, {}});
  }
  return quality;
}

// The artifact's two parts, and what it says of itself. The digest is compared first: otherwise the signature would
// vouch for an artifact that was altered since it was built.
Result<void> add_artifact(const artifact::Artifact& artifact, const fs::path& path, package::Manifest& draft,
                          std::vector<package::Payload>& payload) {
  TRY(artifact.integrity->check());
  draft.inputs = tensors(artifact.plan.signature.inputs);
  draft.outputs = tensors(artifact.plan.signature.outputs);
  draft.lineage = lineage(artifact.plan.metadata);
  std::uint64_t plan = artifact.plan_part.size(), weights = artifact.weights.size();
  payload.push_back({"model.plan", package::Role::plan, false, package::Content::of_range(path, 0, plan)});
  payload.push_back({"model.weights", package::Role::weights, false, package::Content::of_range(path, plan, weights)});
  return {};
}

Result<PackReport> pack_file(PackRequest request, Host& host) {
  request = TRY(complete(std::move(request), host.reporter));
  package::Manifest draft;
  draft.name = request.name;
  draft.version = request.version;
  draft.timestamp = TRY(timestamp(host.environment));
  draft.description = request.description;
  draft.license = request.license;
  draft.quality = request.quality;
  draft.annotations = request.annotations;
  // What can be refused without reading anything comes first, and the passphrase last: nobody types it for a package
  // that cannot be packed.
  TRY(package::check_name(draft.name));
  TRY(package::check_version(draft.version));
  if (!draft.license.empty()) {
    for (const Error& warning : TRY(package::check_license(draft.license))) host.reporter.warn(warning);
  }
  if (request.evaluate) {
    for (package::Quality& measured : TRY(measured_quality(request, host))) {
      std::erase_if(draft.quality, [&](const package::Quality& stated) {
        return stated.metric == measured.metric && stated.data_set == measured.data_set;
      });
      draft.quality.push_back(std::move(measured));
    }
  }

  std::vector<package::Payload> payload;
  auto artifact = TRY(open_artifact(request.artifact));
  TRY(add_artifact(artifact, request.artifact, draft, payload));
  if (!request.samples.empty()) {
    auto model = TRY(runtime::Model::load(std::move(artifact), ops::run_table(), kernels::Cpu::detect()));
    auto samples = TRY(packed_samples(request, std::move(model), host));
    std::ranges::move(samples, std::back_inserter(payload));
  }
  auto files = TRY(with_folders(request.files));
  for (const PackRequest::File& file : files) TRY(add(file, payload));

  for (const Error& warning : placeholders_in(request)) host.reporter.warn(warning);
  auto ask = [&] {
    return package::existing_passphrase(request.password_file, request.key.string(), host.environment, host.reporter);
  };
  if (auto warning = exposed_secret(request.key)) host.reporter.warn(*warning);
  auto key = TRY(package::PrivateKey::read(request.key, ask));
  auto written =
      TRY(package::write_package(std::move(draft), std::move(payload), key, request.output, host.reporter, host.stop));
  return PackReport{std::move(written.manifest), written.digest, written.archive_size, request.output,
                    key.public_key().fingerprint()};
}

}  // namespace

Result<PackReport> pack(const PackRequest& given, Host& host) {
  PackRequest request = given;
  auto input = TRY(take_standard_input(request.artifact));
  return named(pack_file(std::move(request), host), input);
}

}  // namespace modelctl::actions
