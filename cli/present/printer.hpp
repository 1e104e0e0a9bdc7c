// What goes to a person's eyes: the answer on stdout, as text or as one JSON object.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::cli {

// A table with a header, its columns aligned; numbers to the right.
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

  void line(std::string_view text);  // text, with a line end
  void text(std::string_view text);  // several lines, each with its line end
  void table(const Table& table);
  void json(std::string_view document);  // one object, already serialized
  // Sends everything on its way; false where it could not all be written, as to a full disk or a closed pipe.
  bool flush();

 private:
  std::FILE* out_;
  Format format_;
};

// The table's lines, each with its line end. Columns in which each cell is a number (with a unit or not) stand right.
std::string render(const Table& table);

// 1536 -> "1.5 KiB"; 0.00123 s -> "1.23 ms".
std::string human_bytes(std::uint64_t bytes);
std::string human_seconds(double seconds);

// The text with control characters made visible (\x1b), so that a name out of a hostile file cannot drive the
// terminal. Line ends and tabs stay.
std::string printable(std::string_view text);

}  // namespace modelctl::cli
