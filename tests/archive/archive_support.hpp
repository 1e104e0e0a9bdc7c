// What the tests of the decoders share: archives that NumPy and others made (numpy_files.py), and what a reader gives.
#pragma once

#include "archive/reader.hpp"
#include "base/files.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace modelctl::archive {

inline std::string file(std::string_view name) {
  auto bytes = read_file(std::filesystem::path(MODELCTL_NPZ) / name);
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

// Every entry's name and size, with "/" for a folder and "?" for what is neither folder nor file; or why it is refused.
inline std::string listing(std::string_view bytes, const Limits& limits = {}, const Interrupt* stop = nullptr) {
  auto decoder = decode_zip(as_bytes(bytes));
  if (!decoder) return decoder.error().what;
  Reader reader(as_bytes(bytes), std::move(*decoder), stop, limits);
  std::string text;
  while (true) {
    auto entry = reader.next();
    if (!entry) return entry.error().what;
    if (*entry == nullptr) return text;
    auto content = reader.content();
    if (!content) return content.error().what;
    using Type = Entry::Type;
    std::string_view mark = (*entry)->type == Type::file ? "" : (*entry)->type == Type::folder ? "/" : "?";
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", (*entry)->name, content->size(), mark);
  }
}

// Overwrites what stands `offset` bytes into the last place where `magic` is found.
inline std::string patched(std::string bytes, std::string_view magic, std::size_t offset, std::string_view with) {
  std::size_t at = bytes.rfind(magic);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at + offset, with.size(), with);
}

inline constexpr std::string_view entry_magic = "PK\x01\x02", end_magic = "PK\x05\x06", local_magic = "PK\x03\x04";

}  // namespace modelctl::archive
