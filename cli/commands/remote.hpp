// The options of every command that uses another machine.
#pragma once

#include "actions/remote.hpp"
#include "cli/command.hpp"

namespace modelctl::cli {

// Nothing here turns off the check of certificates: a private certificate authority is named with --ca-file instead.
// Plain http must be allowed by name, and so must a host that gets the credentials of a registry of another domain.
inline void bind_remote(Binder& binder, actions::RemoteOptions& remote) {
  binder
      .complete(binder.app.add_option("--ca-file", remote.ca_file,
                                      "Certificates (PEM) to trust in place of the system's; also SSL_CERT_FILE"),
                Completes::file)
      ->type_name("FILE");
  binder.app.add_flag("--plain-http", remote.plain_http,
                      "Use http without TLS; for this machine that is always allowed");
  binder.app
      .add_option("--auth-host", remote.auth_hosts,
                  "A token service that may get the registry's credentials though it is of another domain")
      ->type_name("HOST");
}

// The option of every command that takes a package from a reference. The signature is checked all the same: the flag is
// about which package, not about whose.
inline void bind_any_name(Binder& binder, bool& any_name) {
  binder.app.add_flag("--any-name", any_name,
                      "Accept a package whose name or version is not the one that the reference has");
}

}  // namespace modelctl::cli
