// What the tests of `modelctl serve` share: the shell in which users type, and a serving process.
#pragma once

#include "base/files.hpp"
#include "base/system_host.hpp"
#include "support/http_client.hpp"
#include "support/program.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <thread>

namespace modelctl::commands {

// The Python of the clients; `./dev serve-tools` makes one that has them.
inline std::string python_of_clients() {
  std::string made = MODELCTL_SERVE_TOOLS "/python/bin/python";
  return SystemEnvironment().get("MODELCTL_PYTHON").value_or(std::filesystem::exists(made) ? made : "python3");
}

// A shell's command line in a folder, with a cache and a registry of the tests' own.
inline ProcessResult shell(const std::filesystem::path& folder, const std::string& line) {
  StopToken stop;
  SystemProcesses processes(stop);
  std::string set = "cd '" + folder.string() + "' && export MODELCTL_PASSWORD=secret MODELCTL_REGISTRY='" +
                    folder.string() + "/registry' XDG_CACHE_HOME='" + folder.string() +
                    "/cache' && unset MODELCTL_TRUST http_proxy https_proxy && modelctl() { " MODELCTL " \"$@\"; } && ";
  std::vector<std::string> command{"/bin/sh", "-c", set + line};
  auto result = processes.run(command, {});
  REQUIRE(result);
  return *result;
}

// Waits in a shell's command line for what a test of the shell means; a minute at most, so that no shell is left
// behind.
inline std::string wait_until(const std::string& test) {
  return "n=0; until [ " + test + " ] || [ $n -ge 600 ]; do sleep 0.1; n=$((n+1)); done; ";
}

// Waits for what will come, however long the machine takes.
template <class Condition>
bool eventually(Condition condition) {
  for (int tries = 0; tries < 600; ++tries) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

// A serving process, in a folder where the shell's variables mean what they mean above.
struct Serving {
  const std::filesystem::path folder;
  int port = test::free_port();
  std::filesystem::path log;
  test::Program program;

  explicit Serving(const std::filesystem::path& in, const std::string& arguments,
                   const std::string& command = "exec " MODELCTL)
      : folder(in),
        log(in / ("serve-" + std::to_string(port) + ".log")),
        program({"/usr/bin/env", "-u", "MODELCTL_TRUST", "--chdir=" + in.string(),
                 "MODELCTL_REGISTRY=" + in.string() + "/registry", "XDG_CACHE_HOME=" + in.string() + "/cache",
                 "/bin/sh", "-c", command + " serve " + arguments + " --listen 127.0.0.1:" + std::to_string(port)},
                port, log) {}

  std::uint16_t at() const { return static_cast<std::uint16_t>(port); }
  std::string log_text() const { return read_text_file(log).value_or(""); }
  // Waits until it answers ready; false if it ends before.
  bool ready() {
    for (int tries = 0; tries < 1000; ++tries) {
      int status = test::HttpClient(at()).get("/readyz").status;
      if (status == 200) return true;
      if (status == 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

}  // namespace modelctl::commands
