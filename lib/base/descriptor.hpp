// An owned file descriptor, and the system calls that a signal may interrupt or the system may do in part.
//
// Everything here reports failure as the system does, by the value that is returned and errno, because only the caller
// knows what was being read or written: system_error() (base/files.hpp) makes an Error of it.
#pragma once

#include "base/bytes.hpp"

#include <sys/types.h>
#include <cerrno>
#include <utility>

namespace modelctl {

// Closes its descriptor when destroyed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }
  void close();

 private:
  int number_ = -1;
};

// Repeats a system call until something other than a signal ended it. Not for calls that wait for a person or another
// process: there a signal must end the wait.
template <typename Call>
auto retry_interrupted(Call call) {
  while (true) {
    auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Bytes read, 0 at the end, -1 for a failure.
ssize_t read_some(int descriptor, std::span<std::byte> buffer);
ssize_t read_some_at(int descriptor, std::span<std::byte> buffer, std::uint64_t offset);

// Fill the whole buffer. A file that ends before is a failure with errno EIO.
bool read_all_at(int descriptor, std::span<std::byte> buffer, std::uint64_t offset);

// Write all bytes, in as many calls as it takes.
bool write_all(int descriptor, ByteSpan bytes);
bool write_all_at(int descriptor, ByteSpan bytes, std::uint64_t offset);

}  // namespace modelctl
