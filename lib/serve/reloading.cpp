// Files are looked at once a second: stat(2) of a few paths costs less than inotify(7), which must follow each symbolic
// link of a path by itself.
#include "serve/reloading.hpp"

#include <sys/stat.h>

namespace modelctl::serve {

constexpr std::chrono::seconds look_time{1};

WatchedFiles::WatchedFiles(std::vector<std::filesystem::path> paths) : paths_(std::move(paths)) { note_all(); }

WatchedFiles WatchedFiles::unknown(std::filesystem::path path) {
  WatchedFiles files({std::move(path)});
  files.known_.clear();
  return files;
}

void WatchedFiles::note_all() { known_ = last_ = stamps(); }

// A file that is not there has a stamp, too.
std::vector<WatchedFiles::Stamp> WatchedFiles::stamps() const {
  std::vector<Stamp> all;
  for (const auto& path : paths_) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) status = {};
    all.push_back({status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec});
  }
  return all;
}

bool WatchedFiles::changed() {
  auto now = stamps();
  bool over = now == last_;
  last_ = now;
  if (!over || now == known_) return false;
  known_ = std::move(now);
  return true;
}

Reloading::Reloading(Metrics& metrics, Reporter& reporter, const EventSink& events, Clock& clock)
    : metrics_(metrics), reporter_(reporter), events_(events), clock_(clock), next_look_(clock.steady() + look_time) {
  metrics_.declare("modelctl_reloads_total", "counter",
                   "Files that were read again, by what they are and the outcome.");
}

void Reloading::add(Reloadable& reloadable) {
  items_.push_back({&reloadable, WatchedFiles(reloadable.watched_files())});
}

bool Reloading::requested() {
  requested_ = signal_.take() || requested_;
  return requested_;
}

void Reloading::tick() {
  bool asked = requested();
  requested_ = false;
  bool look = clock_.steady() >= next_look_;
  if (look) next_look_ = clock_.steady() + look_time;
  for (Item& item : items_) {
    if (asked) item.files.note_all();
    if (asked || (look && item.files.changed())) reload(*item.reloadable);
  }
}

void Reloading::reload(Reloadable& reloadable) {
  auto done = reloadable.reload();
  metrics_.count("modelctl_reloads_total",
                 {{"what", std::string(reloadable.name())}, {"outcome", done ? "loaded" : "failed"}});
  if (!done) reporter_.warn(done.error());
  events_(reloaded_event(reloadable.name(), done.value_or(""), done ? nullptr : &done.error(), clock_.now()));
}

}  // namespace modelctl::serve
