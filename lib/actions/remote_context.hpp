// The options of a request as the transports take them: one place, so that no action forgets one.
#pragma once

#include "actions/remote.hpp"
#include "transport/remote_client.hpp"

namespace modelctl::actions {

inline transport::Context context_of(const RemoteOptions& remote, Host& host) {
  return {.host = host,
          .http = {.ca_file = remote.ca_file, .plain_http = remote.plain_http},
          .auth_hosts = remote.auth_hosts};
}

}  // namespace modelctl::actions
