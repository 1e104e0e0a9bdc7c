// Records become text on the thread that writes, so that a request pays for a few copies alone. Whole lines are
// written with one call, so that lines of several processes in one file do not mix.
#include "serve/access_log.hpp"

#include "base/files.hpp"
#include "serve/formats/json_writer.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>

namespace modelctl::serve {
namespace {

constexpr std::size_t most_waiting = 4096;  // records
constexpr std::size_t one_write = 4096;     // bytes, which a pipe takes as a whole (PIPE_BUF)
constexpr std::size_t longest_text = 256;
constexpr int poll_ms = 100;
constexpr std::chrono::seconds last_writes{1};  // when the server ends, for all that still waits

class LineWriter {
 public:
  LineWriter() { json_.raw("{\"event\": \"request\""); }
  // What is empty is left out.
  LineWriter& text(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    json_.raw(fmt::format(", \"{}\": ", key)).string(value.substr(0, longest_text));
    return *this;
  }
  LineWriter& number(std::string_view key, std::uint64_t value) {
    json_.raw(fmt::format(", \"{}\": {}", key, value));
    return *this;
  }
  LineWriter& seconds(std::string_view key, double value) {
    json_.raw(fmt::format(", \"{}\": {:.6f}", key, value));
    return *this;
  }
  std::string done() { return json_.raw("}\n").done().value(); }

 private:
  JsonWriter json_{std::numeric_limits<std::uint64_t>::max()};
};

}  // namespace

std::string access_line(const AccessRecord& record) {
  LineWriter line;
  line.text("time", utc_text(record.time)).text("id", record.identity.id).text("trace", record.identity.trace);
  line.text("parent", record.identity.parent).text("span", record.identity.span);
  line.text("client", record.client).text("token", record.served.token).text("protocol", record.protocol);
  line.text("method", record.method).text("route", record.route).text("path", record.path);
  line.text("model", record.served.model).text("version", record.served.version);
  line.number("status", static_cast<std::uint64_t>(record.status));
  if (record.grpc_status >= 0) line.number("grpc_status", static_cast<std::uint64_t>(record.grpc_status));
  line.number("received", record.received).number("sent", record.sent).seconds("seconds", record.seconds);
  if (!record.served.model.empty())
    line.seconds("queue_seconds", record.served.queue_seconds)
        .seconds("compute_seconds", record.served.compute_seconds);
  if (record.aborted) line.text("aborted", "client");
  return line.done();
}

AccessLog::AccessLog(const Settings& settings, Metrics& metrics)
    : settings_(settings), metrics_(metrics), every_(settings.access_log_every) {}

AccessLog::~AccessLog() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    end_ = std::chrono::steady_clock::now() + last_writes;
  }
  wake_.notify_all();
  thread_.join();
}

Result<void> AccessLog::open() {
  if (settings_.access_log.empty()) return {};
  metrics_.declare("modelctl_access_log_dropped_total", "counter",
                   "Lines of the access log that were lost because it could not be written, or not as fast.");
  metrics_.add("modelctl_access_log_dropped_total", {}, 0);
  TRY(reload());
  thread_ = std::thread([this] { work(); });
  open_ = true;
  return {};
}

// A named pipe that nobody reads must not stop the server: such a one is not opened.
Result<std::string> AccessLog::reload() {
  bool standard = settings_.access_log == "-";
  const std::string path = settings_.access_log.string();
  int number = standard ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                        : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
  if (number < 0) return system_error(errno, fmt::format("cannot write the access log '{}'", path), path);
  auto file = std::make_shared<Descriptor>(number);
  std::lock_guard lock(mutex_);
  file_ = std::move(file);
  return std::string();
}

void AccessLog::write(AccessRecord record) noexcept {
  if (!is_open()) return;
  if (record.status < 400 && std::hash<std::string>()(record.identity.id) % every_ != 0) return;
  try {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() < most_waiting) {
        waiting_.push_back(std::move(record));
        if (waiting_.size() > 1) return;  // the thread is awake
      } else {
        return metrics_.count("modelctl_access_log_dropped_total", {});
      }
    }
    wake_.notify_one();
  } catch (...) {  // no memory for a line
  }
}

std::optional<Error> AccessLog::take_fault() {
  std::lock_guard lock(mutex_);
  return std::exchange(fault_, std::nullopt);
}

void AccessLog::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::deque<AccessRecord> records;
    records.swap(waiting_);
    lock.unlock();
    try {
      std::string lines;
      for (const AccessRecord& record : records) {
        std::string line = access_line(record);
        if (lines.size() + line.size() > one_write) write_lines(std::exchange(lines, {}));
        lines += line;
      }
      write_lines(lines);
    } catch (...) {  // no memory for the text
      metrics_.add("modelctl_access_log_dropped_total", {}, static_cast<double>(records.size()));
    }
    lock.lock();
  }
}

bool AccessLog::wait_until_writable(int file) {
  for (;;) {
    pollfd wanted{file, POLLOUT, 0};
    bool late = false;
    {
      std::lock_guard lock(mutex_);
      late = stop_ && std::chrono::steady_clock::now() > end_;
    }
    if (::poll(&wanted, 1, late ? 0 : poll_ms) > 0) return true;
    errno = EAGAIN;
    if (late) return false;
  }
}

void AccessLog::write_lines(std::string_view lines) {
  if (lines.empty()) return;
  std::shared_ptr<Descriptor> file;
  {
    std::lock_guard lock(mutex_);
    file = file_;
  }
  bool good = wait_until_writable(file->number()) && write_all(file->number(), as_bytes(lines));
  int number = errno;
  if (!good)
    metrics_.add("modelctl_access_log_dropped_total", {},
                 static_cast<double>(std::count(lines.begin(), lines.end(), '\n')));
  std::lock_guard lock(mutex_);
  if (!good && !failing_) {
    std::string path = settings_.access_log.string();
    fault_ = system_error(number, fmt::format("cannot write the access log '{}'", path), path)
                 .help("requests are served without it; lines that are lost are counted");
  }
  failing_ = !good;
}

}  // namespace modelctl::serve
