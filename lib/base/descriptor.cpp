// POSIX allows a read or write to transfer less than it was asked for, and a signal to end it early: the loops that
// deal with both are here and nowhere else.
#include "base/descriptor.hpp"

#include <unistd.h>

namespace modelctl {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  close();
  number_ = std::exchange(other.number_, -1);
  return *this;
}

// close() is never repeated: Linux has freed the number even when a signal interrupted it, and another thread may have
// it.
void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

ssize_t read_some(int descriptor, std::span<std::byte> buffer) {
  return retry_interrupted([&] { return ::read(descriptor, buffer.data(), buffer.size()); });
}

ssize_t read_some_at(int descriptor, std::span<std::byte> buffer, std::uint64_t offset) {
  return retry_interrupted(
      [&] { return ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(offset)); });
}

bool read_all_at(int descriptor, std::span<std::byte> buffer, std::uint64_t offset) {
  while (!buffer.empty()) {
    ssize_t n = read_some_at(descriptor, buffer, offset);
    if (n == 0) errno = EIO;
    if (n <= 0) return false;
    buffer = buffer.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

bool write_all(int descriptor, ByteSpan bytes) {
  while (!bytes.empty()) {
    ssize_t n = retry_interrupted([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_all_at(int descriptor, ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t n =
        retry_interrupted([&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

}  // namespace modelctl
