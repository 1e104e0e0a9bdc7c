// The interface of a probe of `doctor`. Each is one file in actions/probes: it looks at one part of the machine and
// reports what is there. A probe only reads; it uses the network only if that was asked for, and never reports a
// secret.
#pragma once

#include "actions/project.hpp"
#include "base/host.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::actions {

struct Finding {
  // `limited`: it works, but not for everything. `absent`: it is not there, and nothing that was found needs it.
  enum class State { good, limited, absent, broken };

  std::string subject;  // "instruction set"
  State state = State::good;
  std::string value;    // what it is: "avx512"
  std::string reason;   // of a state other than good
  std::string help;     // what to do about it; may be empty
  bool needed = false;  // by the project in modelctl.yaml
};
std::string_view word(Finding::State state);  // "ok", "limited", "none", "problem"

// The finding that something fails with this error.
Finding broken(std::string subject, const Error& error);

// Whether modelctl can write to a folder, and how much space is left. One that does not exist yet is created when it is
// needed, so its nearest parent counts.
Finding writable_folder(std::string subject, std::filesystem::path path);

// What a probe may use. `project` is that of the current folder.
struct ProbeContext {
  Host& host;
  bool online;                             // whether other machines may be contacted
  std::optional<Result<Project>> project;  // nothing if there is no modelctl.yaml

  // The project if there is one that can be read.
  const Project* usable_project() const { return project && *project ? &**project : nullptr; }
};

struct ProbeDef {
  std::string_view area;  // "cpu"; the first column of the result
  std::vector<Finding> (*run)(const ProbeContext& context);
};

// All probes, one file each (generated table): each actions/probes/<stem>.cpp defines
// std::span<const ProbeDef> <stem>_probe().
std::span<const ProbeDef* const> probes();

}  // namespace modelctl::actions
