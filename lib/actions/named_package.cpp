// The rule itself is transport/name_match.hpp; here are its consequences.
#include "actions/named_package.hpp"

#include "transport/name_match.hpp"
#include "transport/reference.hpp"

#include <fmt/core.h>

namespace modelctl::actions {
namespace {

Result<transport::Documents> present_documents(const transport::TransportDef& def, const std::string& reference,
                                               transport::Context& context) {
  auto reader = TRY(def.open_reader(reference, context));
  return reader->documents();
}

}  // namespace

bool is_reference(const std::string& text) {
  std::error_code code;
  return !std::filesystem::exists(text, code) && text.find(':') != std::string::npos;
}

Result<void> check_name(const transport::TransportDef& def, const std::string& reference,
                        const package::Manifest& manifest, bool any_name, Reporter& reporter) {
  if (def.name_of == nullptr) return {};
  transport::Name name = TRY(def.name_of(reference));
  std::string reason = transport::mismatch(name, manifest);
  if (!reason.empty() && !any_name) {
    return Error(Kind::untrusted, "wrong-package",
                 fmt::format("cannot use '{}': another package is there", transport::shown(reference)))
        .because(std::move(reason))
        .help("ask for that package, or pass --any-name if it is the one that you want");
  }
  // A tag such as "latest" says nothing of what has come, so what the signed manifest states is reported.
  bool moves = !name.digest && !transport::looks_like_version(name.tag);
  if (moves || !reason.empty()) {
    reporter.info(fmt::format("'{}' is {} {}", transport::shown(reference), manifest.name, manifest.version));
  }
  return {};
}

Result<void> check_push(const transport::TransportDef& def, const std::string& reference,
                        const package::Package& package, transport::Context& context) {
  if (def.name_of != nullptr) {
    std::string reason = transport::mismatch(TRY(def.name_of(reference)), package.manifest());
    if (!reason.empty()) {
      return Error(Kind::conflict, "wrong-name",
                   fmt::format("cannot push the package to '{}'", transport::shown(reference)))
          .because(std::move(reason))
          .help("push it under its own name and version, or pass --force");
    }
  }
  auto taken = [&](std::string reason) {
    return Error(Kind::conflict, "already-pushed",
                 fmt::format("cannot push to '{}': it is taken", transport::shown(reference)))
        .because(std::move(reason))
        .help("push under another tag, or pass --force to replace what is there");
  };
  // Equal documents are an equal package, since the manifest holds the digest of every entry: pushing again is
  // harmless, and restores content that the place has lost.
  auto documents = present_documents(def, reference, context);
  if (documents) {
    bool same = documents->manifest == package.manifest_text() && documents->bundle == package.bundle_text();
    return same ? Result<void>() : taken("another package, or the same one signed by another key, is there");
  }
  Error error = std::move(documents).error();
  bool device = error.code == "not-a-regular-file";  // file:/dev/stdout, say: nothing is kept there
  bool foreign = error.code == "no-package" || (def.name_of == nullptr && error.kind == Kind::bad_input && !device);
  if (foreign) return taken("what is there is not a package of modelctl");
  // An index that cannot be read, or a host that does not respond: pushing would not go better.
  if ((error.kind == Kind::bad_input && !device) || info(error.kind).may_retry) return error;
  // Nothing is there, or it is damaged and pushing repairs it, or it may be written but not read.
  return {};
}

}  // namespace modelctl::actions
