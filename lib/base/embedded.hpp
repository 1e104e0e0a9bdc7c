// A file that was compiled into the binary (templates/embed.cmake).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace modelctl {

struct EmbeddedFile {
  std::string_view path;  // relative, with '/'
  struct Bytes {
    const unsigned char* begin;
    const unsigned char* end;
  } bytes;

  std::span<const std::byte> span() const {
    return {reinterpret_cast<const std::byte*>(bytes.begin), static_cast<std::size_t>(bytes.end - bytes.begin)};
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.begin), static_cast<std::size_t>(bytes.end - bytes.begin)};
  }
};

}  // namespace modelctl
