// A line for each request, as docs/reference/access-log.md has it: JSON objects in a file or on stdout. Nothing of a
// query, a body or a token is in it.
#pragma once

#include "base/descriptor.hpp"
#include "serve/metrics.hpp"
#include "serve/reloading.hpp"
#include "serve/request_identity.hpp"
#include "serve/served.hpp"
#include "serve/settings.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace modelctl::serve {

struct AccessRecord {
  std::chrono::system_clock::time_point time;  // the first byte of the request
  RequestIdentity identity;
  std::string client;  // its address
  std::string_view protocol;
  std::string method;
  std::string_view route;  // the pattern; empty if there is none
  std::string path;        // without the query, if there is no route
  Served served;
  int status = 0;                        // of HTTP
  int grpc_status = -1;                  // of gRPC; -1: the request was not by gRPC
  std::uint64_t received = 0, sent = 0;  // bytes of bodies
  double seconds = 0;                    // from the first byte of the request to the last one of the response
  bool aborted = false;                  // the client did not take the response
};

// Requests never wait for it: lines go through a bounded queue to a thread that writes, and are dropped and counted if
// that does not keep up.
class AccessLog final : public Reloadable {
 public:
  // Both outlive it.
  AccessLog(const Settings& settings, Metrics& metrics);
  ~AccessLog() override;  // writes what waits, for a second at most

  // Opens the file if the settings name one.
  Result<void> open();
  bool is_open() const { return open_.load(std::memory_order_relaxed); }
  // Any thread may call it.
  void write(AccessRecord record) noexcept;

  // Of how many requests that succeed one is written. It follows from their id, so that all servers of a trace write
  // the same ones. Those that fail, with status 400 or higher, are always written.
  std::uint64_t every() const { return every_; }
  void set_every(std::uint64_t every) { every_ = every; }

  // What kept lines from being written, once for a series of failures.
  std::optional<Error> take_fault();

  std::string_view name() const override { return "access log"; }
  std::vector<std::filesystem::path> watched_files() const override { return {}; }
  // Opens the file by its name again: the one before may have been renamed.
  Result<std::string> reload() override;

 private:
  void work();
  void write_lines(std::string_view lines);
  bool wait_until_writable(int file);

  const Settings& settings_;
  Metrics& metrics_;
  std::atomic<bool> open_{false};
  std::atomic<std::uint64_t> every_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<AccessRecord> waiting_;
  bool stop_ = false;
  std::chrono::steady_clock::time_point end_{};  // of the last writes, once stopped
  std::shared_ptr<Descriptor> file_;
  bool failing_ = false;
  std::optional<Error> fault_;
  std::thread thread_;
};

// One object and a line feed; at most 4096 bytes, which a pipe takes as a whole.
std::string access_line(const AccessRecord& record);

}  // namespace modelctl::serve
