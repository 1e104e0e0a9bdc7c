// Who we are to a registry or host: read from and written to the files and helper programs that docker, podman and
// skopeo use, so that one login serves all of them. Secrets never print.
#pragma once

#include "base/host.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::transport {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // a refresh token instead of a password
  std::string source;          // the file or helper it came from
};

// Looks in, first found first taken: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
// ~/.config/containers/auth.json, $DOCKER_CONFIG/config.json or ~/.docker/config.json. In each, `credHelpers` goes
// before `credsStore` before `auths`; keys are the host, or host/team/name with the longest match first.
Result<std::optional<Credentials>> find_credentials(const std::string& registry, const std::string& repository,
                                                    const Environment& environment, Processes& processes);

// Keeps them for `registry`: through the helper that the file names, else in the file itself (mode 0600). Answers
// where. The file is $REGISTRY_AUTH_FILE, else docker's.
Result<std::string> store_credentials(const std::string& registry, const Credentials& credentials,
                                      const Environment& environment, Processes& processes);

// Forgets them everywhere that find_credentials looks; answers the places where there were some.
Result<std::vector<std::string>> erase_credentials(const std::string& registry, const Environment& environment,
                                                   Processes& processes);

// The registries that the files name, for who types: no helper is asked, and what cannot be read names none.
std::vector<std::string> known_registries(const Environment& environment);

}  // namespace modelctl::transport
