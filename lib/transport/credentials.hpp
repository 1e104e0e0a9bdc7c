// User names and passwords for registries and hosts, in the files and credential helpers of docker, podman and skopeo,
// so that one login works for all of them. Nothing here may enter a message except user names and places.
#pragma once

#include "base/host.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::transport {

// Either a user name with a password, or an identity token, which a token service exchanges for bearer tokens and which
// never goes to the registry itself.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // a refresh token instead of a password
  std::string source;          // the file or helper it came from
};

// Searches in this order: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json,
// $DOCKER_CONFIG/config.json or ~/.docker/config.json. In each, `credHelpers` goes before `credsStore` and that before
// `auths`. Keys are the host in any spelling (with a scheme, with /v1/ or /v2/), or host/team/name, with the longest
// match first. Nothing found is not an error. A file that cannot be read and a helper that fails are: to go on without
// credentials would only end in a 401 that does not name the cause.
Result<std::optional<Credentials>> find_credentials(const std::string& registry, const std::string& repository,
                                                    const Environment& environment, Processes& processes);

// Stores them for `registry`: in the helper that the file names, else in the file itself (mode 0600). Returns where.
// The file is $REGISTRY_AUTH_FILE, else docker's.
Result<std::string> store_credentials(const std::string& registry, const Credentials& credentials,
                                      const Environment& environment, Processes& processes);

// Removes them everywhere that find_credentials searches; returns the places that had some.
Result<std::vector<std::string>> erase_credentials(const std::string& registry, const Environment& environment,
                                                   Processes& processes);

// The faults of the files: one that cannot be read hides all credentials from docker, podman and modelctl.
std::vector<Error> faults_of_credentials(const Environment& environment);

// The registries that the files name, for completion: no helper is run, and a file that cannot be read has none.
std::vector<std::string> known_registries(const Environment& environment);

}  // namespace modelctl::transport
