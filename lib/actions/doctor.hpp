// doctor: what this machine offers to modelctl, what would not work, and why.
#pragma once

#include "actions/probe.hpp"

namespace modelctl::actions {

struct DoctorRequest {
  bool online = false;  // also contact the registries that credentials are stored for
};

struct DoctorReport {
  struct Area {
    std::string_view name;
    std::vector<Finding> findings;
  };
  std::vector<Area> areas;

  // Whether everything works that the project in the current folder needs. Without a project nothing is needed.
  bool good() const;
};

// Runs every probe. Nothing is written. A probe that takes longer than its limit (5 s, with `online` 60 s) is reported
// as broken and left behind. Fails with `interrupted` only.
Result<DoctorReport> doctor(const DoctorRequest& request, Host& host);

}  // namespace modelctl::actions
