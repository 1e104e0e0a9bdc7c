// Each probe has a thread of its own, because a system call on a file system whose server is gone cannot be
// interrupted.
#include "actions/doctor.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

namespace modelctl::actions {
namespace {

constexpr std::chrono::seconds limit{5}, online_limit{60};
constexpr std::chrono::milliseconds poll{20};

// The context is shared with the thread, which may outlive the call; the Host lives until the program ends.
Result<std::vector<Finding>> run_bounded(const ProbeDef& probe, const std::shared_ptr<const ProbeContext>& context) {
  std::packaged_task<std::vector<Finding>()> task([&probe, context] { return probe.run(*context); });
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  std::chrono::seconds most = context->online ? online_limit : limit;
  auto end = std::chrono::steady_clock::now() + most;
  while (result.wait_for(poll) != std::future_status::ready) {
    if (context->host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "stopped by a signal");
    if (std::chrono::steady_clock::now() < end) continue;
    return std::vector<Finding>{{.subject = "time",
                                 .state = Finding::State::broken,
                                 .value = fmt::format("more than {} s", most.count()),
                                 .reason = "there is no result yet; a file system or program may not respond"}};
  }
  return result.get();
}

}  // namespace

bool DoctorReport::good() const {
  return std::all_of(areas.begin(), areas.end(), [](const Area& area) {
    return std::all_of(area.findings.begin(), area.findings.end(), [](const Finding& finding) {
      return !finding.needed || finding.state != Finding::State::broken;
    });
  });
}

Result<DoctorReport> doctor(const DoctorRequest& request, Host& host) {
  std::optional<Result<Project>> project;
  std::error_code code;
  if (std::filesystem::exists(project_file, code)) project = read_project(project_file);
  auto context = std::make_shared<const ProbeContext>(ProbeContext{host, request.online, std::move(project)});
  DoctorReport report;
  for (const ProbeDef* probe : probes()) report.areas.push_back({probe->area, TRY(run_bounded(*probe, context))});
  return report;
}

}  // namespace modelctl::actions
