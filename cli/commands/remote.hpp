// The options of every command that uses another machine, or a package from one.
#pragma once

#include "actions/remote.hpp"
#include "cli/command.hpp"
#include "package/trust.hpp"

namespace modelctl::cli {

// Nothing here turns off the check of certificates: a private certificate authority is named with --ca-file instead.
// Plain http must be allowed by name, and so must a host that gets the credentials of a registry of another domain.
inline void bind_remote(Binder& binder, actions::RemoteOptions& remote) {
  binder
      .complete(binder.app.add_option("--ca-file", remote.ca_file,
                                      "Certificates (PEM) to trust in place of the system's; also SSL_CERT_FILE"),
                Completes::certificates)
      ->type_name("FILE");
  binder.app.add_flag("--plain-http", remote.plain_http,
                      "Use http without TLS; for this machine that is always allowed");
  binder.app
      .add_option("--auth-host", remote.auth_hosts,
                  "A token service that may get the registry's credentials though it is of another domain")
      ->type_name("HOST");
}

// The options of every command that verifies a package. Nobody is trusted by default.
inline void bind_trust(Binder& binder, package::TrustRequest& trust) {
  binder.complete(binder.app.add_option("--key", trust.key, "Public key of the trusted signer"), Completes::public_key)
      ->type_name("FILE");
  binder
      .complete(binder.app.add_option("--trust", trust.file,
                                      "Trust file: names and keys of those whom you trust; else MODELCTL_TRUST"),
                Completes::file)
      ->type_name("FILE");
}

// The option of every command that takes a package from a reference. The signature is checked all the same: the flag is
// about which package, not about whose.
inline void bind_any_name(Binder& binder, bool& any_name) {
  binder.app.add_flag("--any-name", any_name,
                      "Accept a package whose name or version is not the one that the reference has");
}

}  // namespace modelctl::cli
