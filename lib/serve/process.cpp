// Linux: getrusage(2), proc(5). A value that the system does not report is left out, as the formats ask: a wrong zero
// would trigger alerts.
#include "serve/process.hpp"

#include "serve/descriptors.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <optional>

namespace modelctl::serve {
namespace {

// A small file of /proc, whose size is not known before it is read.
std::string proc_text(const char* path) {
  char text[4096];
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return {};
  std::size_t got = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  return {text, got};
}

// Seconds since 1970 at which the machine was started.
std::optional<double> boot_time() {
  std::FILE* file = std::fopen("/proc/stat", "re");
  if (file == nullptr) return std::nullopt;
  std::optional<double> seconds;
  char line[512];  // longer ones come in pieces, none of which begins with "btime "
  while (!seconds && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, "btime ", 6) == 0) seconds = std::strtod(line + 6, nullptr);
  }
  std::fclose(file);
  return seconds;
}

void set(Metrics& metrics, std::string_view name, std::string_view type, std::string_view help, double value) {
  metrics.declare(name, type, help);
  metrics.set(name, {}, value);
}

// proc(5), /proc/pid/stat: the fields after the program's name in parentheses, the first of which is number 3.
void measure_stat(Metrics& metrics) {
  std::string text = proc_text("/proc/self/stat");
  std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const char* at = text.c_str() + name_end + 3;  // ") S": what follows is numbers
  for (int field = 4; field <= 24; ++field) {
    char* end = nullptr;
    double value = std::strtod(at, &end);
    if (end == at) return;
    at = end;
    if (field == 22) {
      if (auto boot = boot_time()) {
        set(metrics, "process_start_time_seconds", "gauge", "Start time of the process since the epoch in seconds.",
            *boot + value / ticks);
      }
    } else if (field == 23) {
      set(metrics, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", value);
    } else if (field == 24) {
      set(metrics, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
          value * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    }
  }
}

}  // namespace

void measure_process(Metrics& metrics) {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    set(metrics, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
        seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  measure_stat(metrics);
  if (auto count = open_descriptors()) {
    set(metrics, "process_open_fds", "gauge", "Number of open file descriptors.", static_cast<double>(*count));
  }
  if (auto limit = descriptor_limit()) {
    set(metrics, "process_max_fds", "gauge", "Maximum number of open file descriptors.", static_cast<double>(*limit));
  }
}

}  // namespace modelctl::serve
