// Sockets that listen: on an address of the settings, or passed by whoever started the process. Internal to the front
// ends.
#pragma once

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "serve/events.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace modelctl::serve {

// The file of a unix socket, and its lock, by which no two servers have one: whoever holds the lock owns the file.
// Destroyed, it removes the file, unless another one took its place, or the file belongs to another process.
class UnixSocketFile {
 public:
  UnixSocketFile() = default;
  UnixSocketFile(std::filesystem::path path, Descriptor lock, std::uint64_t inode)
      : path_(std::move(path)), lock_(std::move(lock)), inode_(inode) {}
  UnixSocketFile(UnixSocketFile&&) noexcept = default;
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    std::swap(inode_, other.inode_);
    std::swap(owned_, other.owned_);
    return *this;
  }
  ~UnixSocketFile();

  // For a process that has the socket as well; -1 if there is no file. Both hold the lock then.
  int lock() const { return lock_.number(); }
  // Whether the file belongs to this process and not to the other one that has the lock.
  void set_owned(bool owned) { owned_ = owned; }

 private:
  std::filesystem::path path_;
  Descriptor lock_;
  std::uint64_t inode_ = 0;
  bool owned_ = true;
};

struct ListeningSocket {
  Descriptor descriptor;  // until take() was called
  int family = 0;         // AF_INET, …
  Endpoint endpoint;      // without a scheme, unless it is a unix socket
  bool on_all_interfaces = false;
  UnixSocketFile file = {};
  // Another process, which this one replaces, accepts its connections until this one is ready.
  bool inherited = false;

  bool is_unix() const;
  // Whoever gets the number closes it.
  int take();
};

// Listens on HOST:PORT, [HOST]:PORT, :PORT, which means every address of the machine, or unix:PATH. `flag` is the
// setting that the address comes from, for messages.
//
// The file of a unix socket is for its owner alone (0600), from its first moment on. One that a server left behind is
// replaced; that of a server that runs is not.
Result<ListeningSocket> listen_on(const std::string& address, std::string_view flag);

// A socket that listens already. Fails if it does not.
Result<ListeningSocket> adopt(Descriptor descriptor);
// One of the process that this one replaces. `lock` is that of the file of a unix socket, which does not belong to this
// process yet, or not open.
Result<ListeningSocket> inherit(Descriptor descriptor, Descriptor lock);

// "127.0.0.1", or "unix", of who is at the other end.
std::string client_of(int socket);

}  // namespace modelctl::serve
