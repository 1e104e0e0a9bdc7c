// key: makes signing keys, and shows what a key is.
#pragma once

#include "base/host.hpp"
#include "package/keys.hpp"

#include <filesystem>

namespace modelctl::actions {

struct KeyGenerateRequest {
  std::filesystem::path prefix;  // PREFIX.key and PREFIX.pub are written
  package::Algorithm algorithm = package::Algorithm::ecdsa_p256;
  std::filesystem::path password_file;
  bool no_password = false;  // leave the private key unencrypted
  bool force = false;        // replace keys that are there
};

struct KeyReport {
  package::Algorithm algorithm;
  Digest fingerprint;                        // SHA-256 of the public key's DER SubjectPublicKeyInfo
  std::filesystem::path secret, public_key;  // the files; `secret` is empty where it was not asked for
};

Result<KeyReport> key_generate(const KeyGenerateRequest& request, Host& host);

struct KeyShowRequest {
  std::filesystem::path key;  // a public key
};
Result<KeyReport> key_show(const KeyShowRequest& request, Host& host);

}  // namespace modelctl::actions
