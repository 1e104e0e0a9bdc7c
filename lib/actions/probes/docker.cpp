// modelctl works without a container daemon; what is found here is for those who run models in containers. Only a
// socket of this machine is tried, by connecting to it, and nothing is sent.
#include "actions/probe.hpp"

#include "base/descriptor.hpp"

#include <fmt/core.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace modelctl::actions {
namespace {

Finding socket_at(std::string subject, const std::string& path) {
  Finding finding{.subject = std::move(subject), .value = path};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Not blocking: a daemon that accepts nothing must not stop the probe.
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  bool fits = path.size() < sizeof address.sun_path;
  if (fits) std::memcpy(address.sun_path, path.data(), path.size());
  if (!fits) errno = ENAMETOOLONG;
  if (fits && ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return finding;
  int why = errno;
  finding.state = why == ENOENT ? Finding::State::absent : Finding::State::broken;
  finding.reason = why == ENOENT ? "there is no socket" : std::generic_category().message(why);
  if (why == EACCES) finding.help = "join the group that the socket belongs to";
  return finding;
}

std::vector<Finding> run(const ProbeContext& context) {
  const Environment& environment = context.host.environment;
  std::string docker = environment.get("DOCKER_HOST").value_or("");
  constexpr std::string_view unix_scheme = "unix://";
  std::vector<Finding> findings;
  if (docker.empty() || docker.starts_with(unix_scheme)) {
    findings.push_back(
        socket_at("docker", docker.empty() ? "/var/run/docker.sock" : docker.substr(unix_scheme.size())));
  } else {
    findings.push_back({.subject = "docker",
                        .state = Finding::State::limited,
                        .value = "DOCKER_HOST",
                        .reason = "the daemon is on another machine, which is not contacted"});
  }
  auto runtime = environment.get("XDG_RUNTIME_DIR");
  findings.push_back(
      socket_at("podman", runtime && !runtime->empty() ? *runtime + "/podman/podman.sock" : "/run/podman/podman.sock"));
  return findings;
}

constexpr ProbeDef defs[] = {{"docker", run}};

}  // namespace
std::span<const ProbeDef> docker_probe() { return defs; }
}  // namespace modelctl::actions
