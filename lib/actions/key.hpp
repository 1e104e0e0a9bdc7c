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
  std::filesystem::path secret, public_key;  // the files; `secret` is empty if it was not asked for
};

// The passphrase comes from the file, the environment or a prompt (package/passphrase.hpp) and enters no message. Fails
// with conflict if there are keys and `force` is false, or if another command is writing the same pair; with usage for
// an empty passphrase, and with denied if there is nobody to ask. Both files are written, or neither.
Result<KeyReport> key_generate(const KeyGenerateRequest& request, Host& host);

// Only public keys: to show a private one it would have to be decrypted. For a private key it fails with bad_input, and
// the help says which file to give instead.
struct KeyShowRequest {
  std::filesystem::path key;  // a public key
};
Result<KeyReport> key_show(const KeyShowRequest& request, Host& host);

}  // namespace modelctl::actions
