// login and logout: keep or forget who we are to a registry or host, where docker and podman keep it too.
#pragma once

#include "actions/remote.hpp"

#include <string>
#include <vector>

namespace modelctl::actions {

struct LoginRequest {
  std::string registry;  // "registry.example" or "registry.example:5000"
  std::string username;
  std::string password;  // empty: asked for
  RemoteOptions remote;
};

struct LoginReport {
  std::string kept_in;   // the file or credential helper
  bool checked = false;  // the host has asked for them and accepted them; false: it responds without any
};

// Keeps nothing that the registry refuses. The password enters no message. Fails with usage for a host, user name or
// password that cannot be used, with denied, code unauthorized, if the registry refuses them, and with bad_config if
// the file or helper does.
Result<LoginReport> login(const LoginRequest& request, Host& host);

struct LogoutRequest {
  std::string registry;
};
struct LogoutReport {
  std::vector<std::string> erased_from;  // empty: there was nothing to forget
};
// Erases from every file and helper that a later pull would look into, not only from the one that login writes to:
// otherwise older credentials would come back into use.
Result<LogoutReport> logout(const LogoutRequest& request, Host& host);

}  // namespace modelctl::actions
