// A server program that a test starts and that goes when the test does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace modelctl::test {

// Whether a program of that name is on PATH or in /usr/sbin, where Debian keeps servers; its path, or empty.
std::string find_program(const std::string& name);

// A port of this machine that nobody listens on just now.
int free_port();

class Program {
 public:
  // Starts it with its output in `log`, and waits until `port` takes connections.
  Program(std::vector<std::string> command, int port, const std::filesystem::path& log);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool runs() const { return ready_; }
  int process() const { return process_; }
  // Sends a signal, and does not wait for what comes of it.
  void signal(int number);
  // Waits for the end; the exit code, or -1 if a signal ended it or it does not end within 20 seconds.
  int wait();

 private:
  int process_ = -1;
  bool ready_ = false;
};

}  // namespace modelctl::test
