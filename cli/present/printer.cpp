// Tables, units and the escaping of control characters.
#include "cli/present/printer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace modelctl::cli {
namespace {

// The width in terminal columns: the bytes that are not UTF-8 continuation bytes. Wide (East Asian) and combining
// characters are not accounted for; they only misalign a table.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_number(std::string_view cell) {
  return cell.empty() || cell == "-" || (cell.front() >= '0' && cell.front() <= '9') ||
         (cell.size() > 1 && cell.front() == '-' && cell[1] >= '0' && cell[1] <= '9');
}

// Digests, addresses and versions start with digits too, but are not numbers.
bool reads_as_number(std::string_view cell) {
  return is_number(cell) && cell.find_first_of("xX:/") == std::string_view::npos &&
         std::count(cell.begin(), cell.end(), '.') <= 1 && std::count(cell.begin(), cell.end(), '-') <= 1;
}

constexpr std::size_t longest_cell = 400, longest_line = 2000;

}  // namespace

std::string render(const Table& whole) {
  Table table = whole;
  for (auto& row : table.rows) {
    for (std::string& cell : row) cell = bounded(cell, longest_cell);
  }
  std::size_t columns = table.header.size();
  std::vector<std::size_t> width(columns);
  std::vector<bool> right(columns, !table.rows.empty());
  for (std::size_t c = 0; c < columns; ++c) width[c] = width_of(table.header[c]);
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < columns && c < row.size(); ++c) {
      width[c] = std::max(width[c], width_of(printable(row[c])));
      if (!reads_as_number(row[c])) right[c] = false;
    }
  }
  std::string text;
  auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) {
      std::string cell = c < row.size() ? printable(row[c]) : "";
      std::string space(width[c] - width_of(cell), ' ');
      if (c > 0) line += "  ";
      line += right[c] ? space + cell : cell + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  if (std::any_of(table.header.begin(), table.header.end(), [](const std::string& name) { return !name.empty(); })) {
    add(table.header);
  }
  for (const auto& row : table.rows) add(row);
  return text;
}

void Printer::line(std::string_view text) { this->text(bounded(text, longest_line) + "\n"); }

void Printer::text(std::string_view text) {
  std::string safe = printable(text);
  std::fwrite(safe.data(), 1, safe.size(), out_);
}

void Printer::table(const Table& table) { text(render(table)); }

void Printer::json(std::string_view document) {
  std::fwrite(document.data(), 1, document.size(), out_);
  std::fputc('\n', out_);
}

bool Printer::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

// Binary units with one decimal; bytes exactly.
std::string human_bytes(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

// Three significant digits, in the unit in which the number is at least 1.
std::string human_seconds(double seconds) {
  static constexpr struct {
    double from;
    double factor;
    const char* unit;
  } units[] = {{1, 1, "s"}, {1e-3, 1e3, "ms"}, {1e-6, 1e6, "us"}, {0, 1e9, "ns"}};
  if (seconds >= 120) return fmt::format("{:.0f} min {:02.0f} s", std::floor(seconds / 60), std::fmod(seconds, 60));
  for (const auto& unit : units) {
    if (seconds < unit.from) continue;
    double value = seconds * unit.factor;
    return fmt::format("{:.{}f} {}", value, value >= 100 ? 0 : value >= 10 ? 1 : 2, unit.unit);
  }
  return "0 ns";
}

std::string bounded(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}… ({} bytes more)", text.substr(0, end), text.size() - end);
}

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, C2 80 to C2 9F in UTF-8, are control characters too.
    bool high = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (high) {
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      safe += fmt::format("\\x{:02x}", c);
    } else {
      safe += static_cast<char>(c);
    }
  }
  return safe;
}

}  // namespace modelctl::cli
