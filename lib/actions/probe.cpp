// What several probes report in the same way.
#include "actions/probe.hpp"

#include <fmt/core.h>

#include <sys/statvfs.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

constexpr double little = 1.0;  // GiB; a model with its artifact and package may take as much

}  // namespace

std::string_view word(Finding::State state) {
  static constexpr std::string_view words[] = {"ok", "limited", "none", "problem"};
  return words[static_cast<std::size_t>(state)];
}

Finding broken(std::string subject, const Error& error) {
  Finding finding{.subject = std::move(subject), .state = Finding::State::broken, .value = error.where};
  finding.reason = error.what;
  for (const Error& fault : error.faults) finding.reason += "; " + fault.what;
  for (const std::string& why : error.why) finding.reason += ": " + why;
  finding.help = error.hint;
  return finding;
}

Finding writable_folder(std::string subject, fs::path path) {
  Finding finding{.subject = std::move(subject), .value = path.string()};
  std::error_code code;
  for (path = fs::absolute(path, code); !fs::exists(path, code) && path.has_relative_path();) path = path.parent_path();
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0 || ::access(path.c_str(), W_OK | X_OK) != 0) {
    finding.state = Finding::State::broken;
    finding.reason = "it cannot be written to: " + std::generic_category().message(errno);
    return finding;
  }
  double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize) / (std::uint64_t{1} << 30);
  finding.value += fmt::format(", {:.1f} GiB free", free);
  if (free >= little) return finding;
  finding.state = Finding::State::limited;
  finding.reason = "there is little space left";
  return finding;
}

}  // namespace modelctl::actions
