// Reads the affinity mask and the limits of control groups, version 1 and 2. A limit of any enclosing group binds, so
// the least of them counts.
#include "runtime/machine.hpp"

#include "base/files.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace modelctl::runtime {
namespace {

// Calls body(folder) for the folders of this process's groups of a controller, from the innermost to the root.
void for_each_group(std::string_view controller, const std::function<void(const std::string&)>& body) {
  const std::string groups = read_text_file("/proc/self/cgroup").value_or("");
  for (std::size_t at = 0, end; (end = groups.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = groups.substr(at, end - at);
    // "0::/path" (version 2) or "4:cpu,cpuacct:/path"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string wanted = std::string(",").append(controller).append(",");
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(wanted) == std::string::npos) continue;
    const std::string root = unified ? "/sys/fs/cgroup" : std::string("/sys/fs/cgroup/").append(controller);
    for (std::string path = line.substr(second + 1); path.size() > 1 && path[0] == '/'; path.resize(path.rfind('/')))
      body(root + path);
    body(root);
  }
}

double number_in(const std::string& file) {
  auto text = read_text_file(file);
  return text ? std::strtod(text->c_str(), nullptr) : 0;  // "max" reads as no number
}

// Whole CPUs' worth of a control group's quota, 0 if it has none. Version 2: "max 100000" or "150000 100000".
int quota_of(const std::string& folder) {
  auto whole = [](double quota, double period) {
    return quota > 0 && period > 0 ? std::max(1, static_cast<int>(quota / period + 0.999)) : 0;
  };
  if (auto text = read_text_file(folder + "/cpu.max")) {
    char* end = text->data();
    const double quota = std::strtod(text->c_str(), &end);
    return whole(quota, std::strtod(end, nullptr));
  }
  return whole(number_in(folder + "/cpu.cfs_quota_us"), number_in(folder + "/cpu.cfs_period_us"));
}

}  // namespace

int usable_cpus() {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                         : static_cast<int>(std::thread::hardware_concurrency());
  for_each_group("cpu", [&](const std::string& folder) {
    if (const int quota = quota_of(folder); quota > 0) cpus = std::min(cpus, quota);
  });
  return std::max(cpus, 1);
}

std::uint64_t usable_memory() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  std::uint64_t bytes = ~std::uint64_t{0};
  if (pages > 0 && page > 0) bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  for_each_group("memory", [&](const std::string& folder) {
    for (const char* file : {"/memory.max", "/memory.limit_in_bytes"}) {
      const double most = number_in(folder + file);
      if (most > 0 && most < static_cast<double>(bytes)) bytes = static_cast<std::uint64_t>(most);
    }
  });
  return bytes;
}

}  // namespace modelctl::runtime
