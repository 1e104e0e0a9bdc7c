// Files that a server reads again while it serves, such as certificates: when they change, and when SIGHUP asks for it.
#pragma once

#include "base/host.hpp"
#include "base/noted_signal.hpp"
#include "serve/events.hpp"
#include "serve/metrics.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

class Reloadable {
 public:
  virtual ~Reloadable() = default;
  virtual std::string_view name() const = 0;  // in events and metrics: "certificate"
  // Read again when one of them changes; of what SIGHUP alone reloads, none.
  virtual std::vector<std::filesystem::path> watched_files() const = 0;
  // Reads the files again; what is in use stays if that fails. Returns what people may want to know of the result.
  virtual Result<std::string> reload() = 0;
};

// Notices that files were replaced: by a write, by a rename, or by a symbolic link on their path that leads elsewhere
// now, as in a volume of Kubernetes. Files that belong together change one after the other: a change counts once
// nothing has changed between two looks.
class WatchedFiles {
 public:
  explicit WatchedFiles(std::vector<std::filesystem::path> paths);
  // One that has not been read yet: it has changed once it stays as it is.
  static WatchedFiles unknown(std::filesystem::path path);
  // Looks now: whether there was a change since the last one that was returned, and it is over.
  bool changed();
  void note_all();  // the files are about to be read for another reason

 private:
  struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;  // of the last write
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> stamps() const;

  std::vector<std::filesystem::path> paths_;
  std::vector<Stamp> known_, last_;
};

// Everything of a server that can be reloaded. One thread uses it. Metrics and events name each reload and its outcome.
class Reloading {
 public:
  // All outlive it.
  Reloading(Metrics& metrics, Reporter& reporter, const EventSink& events, Clock& clock);
  // Whether SIGHUP came: tick() then reloads everything.
  bool requested();
  // What was loaded a moment ago.
  void add(Reloadable& reloadable);
  // Call it several times a second: signals are noticed by the next call, changes of files within two seconds.
  void tick();

 private:
  struct Item {
    Reloadable* reloadable;
    WatchedFiles files;
  };
  void reload(Reloadable& reloadable);
  bool requested_ = false;

  Metrics& metrics_;
  Reporter& reporter_;
  const EventSink& events_;
  Clock& clock_;
  NotedSignal signal_{SIGHUP};
  std::vector<Item> items_;
  std::chrono::steady_clock::time_point next_look_;
};

}  // namespace modelctl::serve
