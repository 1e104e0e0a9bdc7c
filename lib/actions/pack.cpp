#include "actions/pack.hpp"

#include "artifact/artifact.hpp"
#include "package/passphrase.hpp"

#include <fmt/core.h>

#include <charconv>

namespace modelctl::actions {
namespace {

// The time that every file of the package bears: SOURCE_DATE_EPOCH, or none, so that the day does not matter.
Result<std::uint64_t> timestamp(const Environment& environment) {
  auto text = environment.get("SOURCE_DATE_EPOCH");
  if (!text || text->empty()) return std::uint64_t{0};
  std::uint64_t seconds = 0;
  auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (fault == std::errc() && end == text->data() + text->size() && seconds <= package::timestamp_limit) return seconds;
  return Error(Kind::bad_config, "bad-source-date-epoch", fmt::format("cannot use the time '{}'", *text))
      .at("SOURCE_DATE_EPOCH")
      .because("it is no number of seconds since 1970 that a tar file can hold");
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

package::Lineage lineage(const std::map<std::string, std::string>& metadata) {
  auto value = [&](const char* key) {
    auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  package::Lineage lineage{value("producer"), {}};
  std::string source = value("source"), model = value("model");
  auto digest = source.starts_with("sha256:") ? Digest::parse(source) : Digest::parse_hex(source);
  if (digest) lineage.sources.push_back({model.empty() ? "model" : model, *digest});
  return lineage;
}

// "sample" -> "samples/"; only the artifact's own parts lie at the top.
std::string folder_of(package::Role role) {
  switch (role) {
    case package::Role::sample: return "samples/";
    case package::Role::document: return "documents/";
    default: return fmt::format("{}/", package::name(role));
  }
}

Result<package::Payload> payload_of(const PackRequest::File& file) {
  auto content = TRY(package::Content::of_file(file.path));
  bool executable = (std::filesystem::status(file.path).permissions() & std::filesystem::perms::owner_exec) !=
                    std::filesystem::perms::none;
  return package::Payload{folder_of(file.role) + file.path.filename().string(), file.role,
                          executable && file.role == package::Role::code, std::move(content)};
}

}  // namespace

Result<PackReport> pack(const PackRequest& request, Host& host) {
  package::Manifest draft;
  draft.name = request.name;
  draft.version = request.version;
  draft.timestamp = TRY(timestamp(host.environment));
  draft.description = request.description;
  draft.licence = request.licence;
  draft.quality = request.quality;
  draft.annotations = request.annotations;
  TRY(package::check_name(draft.name));
  TRY(package::check_version(draft.version));

  std::vector<package::Payload> payload;
  {
    auto artifact = TRY(artifact::open(request.artifact));
    draft.inputs = tensors(artifact.plan.signature.inputs);
    draft.outputs = tensors(artifact.plan.signature.outputs);
    draft.lineage = lineage(artifact.plan.metadata);
    std::uint64_t plan = artifact.plan_part.size(), weights = artifact.weights.size();
    payload.push_back(
        {"model.plan", package::Role::plan, false, package::Content::of_range(request.artifact, 0, plan)});
    payload.push_back(
        {"model.weights", package::Role::weights, false, package::Content::of_range(request.artifact, plan, weights)});
  }
  for (const PackRequest::File& file : request.files) payload.push_back(TRY(payload_of(file)));

  auto ask = [&] {
    return package::existing_passphrase(request.password_file, request.key.string(), host.environment, host.talk);
  };
  auto key = TRY(package::PrivateKey::read(request.key, ask));
  auto written =
      TRY(package::write_package(std::move(draft), std::move(payload), key, request.output, host.talk, host.stop));
  return PackReport{std::move(written.manifest), written.digest, written.archive_size, request.output,
                    key.public_key().fingerprint()};
}

}  // namespace modelctl::actions
