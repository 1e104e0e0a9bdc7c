// Key files themselves are written and read by lib/package.
#include "actions/key.hpp"

#include "package/key_pair.hpp"
#include "package/passphrase.hpp"

#include <fmt/core.h>

namespace modelctl::actions {

Result<KeyReport> key_generate(const KeyGenerateRequest& request, Host& host) {
  // Before a passphrase is asked for; writing checks again.
  TRY(package::check_key_pair_absent(request.prefix, request.force));
  package::Secret passphrase;
  if (request.no_password) {
    host.reporter.warn(Error(Kind::denied, "unprotected-key", "the private key is not encrypted")
                           .because("whoever reads the file can sign with it"));
  } else {
    passphrase = TRY(package::new_passphrase(request.password_file, host.environment, host.reporter));
  }
  // Only now, with the passphrase at hand: a prompt that is interrupted leaves no key behind, not even in memory.
  package::PrivateKey key = TRY(package::PrivateKey::generate(request.algorithm));
  TRY(package::write_key_pair(key, passphrase, request.prefix, request.force));
  return KeyReport{key.algorithm(), key.public_key().fingerprint(), request.prefix.string() + ".key",
                   request.prefix.string() + ".pub"};
}

Result<KeyReport> key_show(const KeyShowRequest& request, Host&) {
  package::PublicKey key = TRY(package::PublicKey::read(request.key));
  return KeyReport{key.algorithm(), key.fingerprint(), {}, request.key};
}

}  // namespace modelctl::actions
