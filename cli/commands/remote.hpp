// The options of every command that speaks with another machine.
#pragma once

#include "actions/remote.hpp"
#include "cli/command.hpp"

namespace modelctl::cli {

inline void bind_remote(Binder& binder, actions::RemoteOptions& remote) {
  binder
      .complete(binder.app.add_option("--ca-file", remote.ca_file,
                                      "Certificates (PEM) to trust in place of the system's; also SSL_CERT_FILE"),
                Completes::file)
      ->type_name("FILE");
  binder.app.add_flag("--plain-http", remote.plain_http,
                      "Speak http without TLS; to this machine that is allowed without asking");
}

}  // namespace modelctl::cli
