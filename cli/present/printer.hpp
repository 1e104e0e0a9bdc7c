// Prints the result of a command on stdout: text for people, or one JSON object for programs. Diagnostics and progress
// go to stderr instead (terminal_reporter.hpp).
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::cli {

// A table with a header and aligned columns; numbers are aligned to the right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

class Printer {
 public:
  enum class Format { text, json };

  Printer(std::FILE* out, Format format) : out_(out), format_(format) {}

  Format format() const { return format_; }
  void set_format(Format format) { format_ = format; }

  void line(std::string_view text);  // appends a line feed
  void text(std::string_view text);  // complete lines
  void table(const Table& table);
  void json(std::string_view document);  // one object, already serialized
  // Flushes the output. Returns false if anything could not be written: a full disk, a closed pipe. Output is buffered,
  // so this is the only place where such an error is certain to be seen.
  bool flush();

 private:
  std::FILE* out_;
  Format format_;
};

// The table as lines of text. Columns whose cells are all numbers, with or without a unit, are aligned to the right.
std::string render(const Table& table);

// 1536 -> "1.5 KiB"; 0.00123 s -> "1.23 ms".
std::string human_bytes(std::uint64_t bytes);
std::string human_seconds(double seconds);

// The text with control characters escaped (\x1b), so that a name from a hostile file cannot control the terminal. Line
// feeds and tabs are kept.
std::string printable(std::string_view text);

// The text, or its beginning of at most `most` bytes, whole characters, and how much there is more: names come from
// files, and one of a megabyte must not fill a terminal.
std::string bounded(std::string_view text, std::size_t most);

}  // namespace modelctl::cli
