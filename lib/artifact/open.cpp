// Opens an artifact from bytes or a file: magic, version and sizes first, then the plan and its checks.
#include "artifact/artifact.hpp"
#include "artifact/format.hpp"
#include "artifact/integrity.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::artifact {
namespace {

Error cut(std::string_view name, std::uint64_t there, std::uint64_t expected) {
  return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read '{}': the artifact is damaged", name))
      .at(std::string(name))
      .because(fmt::format("it has {} bytes, but its header states {}", there, expected))
      .help("copy it again, or build the model again");
}

}  // namespace

bool is_artifact(ByteSpan bytes) { return as_text(bytes).starts_with(magic); }

Result<std::uint64_t> weights_offset(ByteSpan header, std::string_view name) {
  return TRY(decode_header(header, name)).weights_offset();
}

Result<Artifact> open(ByteSpan plan_part, ByteSpan weights, std::shared_ptr<const void> owner, std::string_view name) {
  Header header = TRY(decode_header(plan_part, name));
  if (plan_part.size() != header.weights_offset() || weights.size() != header.weights_bytes) {
    return cut(name, plan_part.size() + weights.size(), header.weights_offset() + header.weights_bytes);
  }
  // A part of the format: kernels may load weights with aligned vector instructions, which fault on other addresses.
  if (reinterpret_cast<std::uintptr_t>(weights.data()) % weight_alignment != 0) {
    return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read '{}': its weights are not aligned", name))
        .at(std::string(name));
  }
  ByteSpan plan_bytes = plan_part.subspan(header_bytes, header.plan_bytes);
  ByteSpan padding = plan_part.subspan(header_bytes + header.plan_bytes);
  Faults faults;
  if (std::any_of(padding.begin(), padding.end(), [](std::byte byte) { return byte != std::byte{0}; })) {
    faults.add(Error(Kind::bad_input, "bad-artifact", "the padding after the plan is not zero"));
  }
  Plan plan = TRY(decode_plan(plan_bytes, name));
  check(plan, weights, faults);
  if (!faults.none()) {
    Error error = std::move(faults).sum(fmt::format("cannot read '{}': the artifact is damaged", name));
    error.where = name;
    for (Error& each : error.faults) each.where = name;
    return error;
  }
  return Artifact{std::move(plan), plan_part, weights, std::move(owner), nullptr, {}};
}

// Structure is checked before the digest is compared: for a cut or outdated file the message then names the reason.
Result<Artifact> open_whole(ByteSpan bytes, std::shared_ptr<const MappedFile> file, std::string_view name) {
  Header header = TRY(decode_header(bytes, name));
  std::uint64_t offset = header.weights_offset();
  if (bytes.size() < offset) return cut(name, bytes.size(), offset + header.weights_bytes);
  Artifact opened = TRY(open(bytes.first(offset), bytes.subspan(offset), file, name));
  opened.files = {file};
  opened.integrity = TRY(Integrity::compare({bytes.subspan(header_bytes)}, header.digest, std::move(file), name));
  return opened;
}

Result<Artifact> open(const std::filesystem::path& path) {
  auto file = TRY(MappedFile::open_stable(path));
  return open_whole(file->bytes(), file, path.string());
}

}  // namespace modelctl::artifact
