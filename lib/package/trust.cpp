// Reads trust files; all faults are reported together.
#include "package/trust.hpp"

#include "base/files.hpp"
#include "base/json.hpp"

#include <fmt/core.h>

namespace modelctl::package {
namespace {

constexpr std::size_t key_limit = 1000;

Error bad_trust(const std::filesystem::path& path, std::string reason, std::string_view place = {}) {
  return Error(Kind::bad_config, "bad-trust-file", fmt::format("cannot use the trust file '{}'", path.string()))
      .at(place.empty() ? path.string() : std::string(place))
      .because(std::move(reason));
}

// An unknown member is refused: it may be a restriction that a later version has and this one would not enforce.
Result<TrustedKey> read_key(const Json& item, const std::filesystem::path& path, std::size_t index) {
  std::string where = fmt::format("{}: /keys/{}", path.string(), index);
  std::string name = TRY(json_string(item, "name", where));
  for (const auto& [key, value] : item.items()) {
    if (key != "name" && key != "file" && key != "pem")
      return bad_trust(path, fmt::format("'{}' is not known", key), where);
  }
  if (item.contains("file") == item.contains("pem"))
    return bad_trust(path, "a key has either a 'file' or a 'pem'", where);
  if (item.contains("pem")) {
    PublicKey key = TRY(PublicKey::parse(TRY(json_string(item, "pem", where)), where));
    return TrustedKey{std::move(name), std::move(key)};
  }
  PublicKey key = TRY(PublicKey::read(path.parent_path() / TRY(json_string(item, "file", where))));
  return TrustedKey{std::move(name), std::move(key)};
}

}  // namespace

Result<Trust> Trust::key(const std::filesystem::path& path) {
  PublicKey key = TRY(PublicKey::read(path));
  return Trust({{path.string(), std::move(key)}});
}

Result<Trust> Trust::file(const std::filesystem::path& path) {
  Json document = TRY(parse_json(TRY(read_text_file(path, 1u << 20)), path.string()));
  if (TRY(json_string(document, "format", path.string())) != "modelctl.trust/1") {
    return bad_trust(path, "its format is not 'modelctl.trust/1'");
  }
  const Json& list = *TRY(json_array(document, "keys", path.string()));
  if (list.empty()) return bad_trust(path, "it names no key");
  if (list.size() > key_limit) return bad_trust(path, "it names more than 1000 keys");
  std::vector<TrustedKey> keys;
  for (std::size_t i = 0; i < list.size(); ++i) keys.push_back(TRY(read_key(list[i], path, i)));
  return Trust(std::move(keys));
}

const TrustedKey* Trust::find(const Digest& fingerprint) const {
  for (const TrustedKey& trusted : keys_) {
    if (trusted.key.fingerprint() == fingerprint) return &trusted;
  }
  return nullptr;
}

Result<Trust> read_trust(const TrustRequest& request, const Environment& environment) {
  if (!request.key.empty() && !request.file.empty()) {
    return Error(Kind::usage, "two-kinds-of-trust", "cannot use both a key and a trust file")
        .help("add the key to the trust file");
  }
  if (!request.key.empty()) return Trust::key(request.key);
  if (!request.file.empty()) return Trust::file(request.file);
  if (auto path = environment.get("MODELCTL_TRUST"); path && !path->empty()) return Trust::file(*path);
  return Error(Kind::usage, "no-key", "cannot check a signature: no key to check it with was given")
      .help("pass --key PREFIX.pub, or --trust FILE, or set MODELCTL_TRUST");
}

}  // namespace modelctl::package
