// Whose signatures count: one public key, or a trust file that names several.
//
//   {"format": "modelctl.trust/1",
//    "keys": [{"name": "release team", "file": "release.pub"}, {"name": "ci", "pem": "-----BEGIN PUBLIC KEY-----\n…"}]}
#pragma once

#include "package/keys.hpp"

namespace modelctl::package {

struct TrustedKey {
  std::string name;
  PublicKey key;
};

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

}  // namespace modelctl::package
