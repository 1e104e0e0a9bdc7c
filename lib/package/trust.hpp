// Whose signatures count: one public key, or a trust file that names several.
//
//   {"format": "modelctl.trust/1",
//    "keys": [{"name": "release team", "file": "release.pub"}, {"name": "ci", "pem": "-----BEGIN PUBLIC KEY-----\n…"}]}
#pragma once

#include "base/host.hpp"
#include "package/keys.hpp"

namespace modelctl::package {

struct TrustedKey {
  std::string name;
  PublicKey key;
};

// Fails with bad_config, code bad-trust-file, or as parse_json() and PublicKey::read() do. Every key counts equally;
// there is neither expiry nor revocation, so a key is distrusted by removing it from the file.
class Trust {
 public:
  explicit Trust(std::vector<TrustedKey> keys) : keys_(std::move(keys)) {}
  static Result<Trust> key(const std::filesystem::path& path);   // named by the path
  static Result<Trust> file(const std::filesystem::path& path);  // "file" members are relative to the file's folder

  const std::vector<TrustedKey>& keys() const { return keys_; }
  const TrustedKey* find(const Digest& fingerprint) const;

 private:
  std::vector<TrustedKey> keys_;
};

// What a command line says about trust.
struct TrustRequest {
  std::filesystem::path key;   // a public key
  std::filesystem::path file;  // a trust file; if neither is given, the one that MODELCTL_TRUST names
};
// Fails with usage if nothing is given: nobody is trusted by default.
Result<Trust> read_trust(const TrustRequest& request, const Environment& environment);

}  // namespace modelctl::package
