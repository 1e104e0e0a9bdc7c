// Splits rows and parses cells. A cell is unquoted only when its text is used, which is never for numbers.
#include "tensor/csv/cells.hpp"

#include <algorithm>

namespace modelctl::csv {
namespace {

// Compares ignoring ASCII case. Setting bit 5 also equates some punctuation, which no compared word contains.
bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// Of one row: a comma is one byte, and what is kept of a cell is many times that.
constexpr std::size_t most_cells = 1 << 20;

}  // namespace

// Each pair of quotes stands for one (RFC 4180, section 2, rule 7).
std::string unquoted(const Cell& cell) {
  std::string text(cell.text);
  if (!cell.doubled) return text;
  for (std::size_t at = text.find("\"\""); at != std::string::npos; at = text.find("\"\"", at + 1)) text.erase(at, 1);
  return text;
}

std::string_view trimmed(std::string_view text) {
  std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(from, text.find_last_not_of(" \t") + 1 - from);
}

Parsed parse_cell(const Cell& cell, DType type, void* element) {
  std::string_view text = trimmed(cell.text);
  if (type == DType::boolean) {
    bool yes = same_word(text, "true") || text == "1";
    if (!yes && !same_word(text, "false") && text != "0") return Parsed::no_number;
    *static_cast<bool*>(element) = yes;
    return Parsed::good;
  }
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::string_view word = text.starts_with('-') ? text.substr(1) : text;
  int sign = text.starts_with('-') ? -1 : 1;
  if (same_word(word, "nan") && set_non_finite(type, 0, element)) return Parsed::good;
  if ((same_word(word, "inf") || same_word(word, "infinity")) && set_non_finite(type, sign, element)) {
    return Parsed::good;
  }
  return parse_element(text, type, element);
}

Rows::Rows(std::string_view text) : text_(text) {
  std::size_t last = text.find_last_not_of("\r\n");
  std::size_t end = text.find('\n', last == std::string_view::npos ? 0 : last);
  if (end != std::string_view::npos) text_ = text.substr(0, end + 1);
}

std::string Rows::read(std::vector<Cell>& cells) {
  cells.clear();
  while (true) {
    if (cells.size() == most_cells) return "it has more than 1,048,576 cells";
    Cell cell;
    if (at_ < text_.size() && text_[at_] == '"') {
      if (std::string fault = quoted(cell); !fault.empty()) return fault;
    } else {
      std::size_t end = std::min(text_.find_first_of(",\n\"", at_), text_.size());
      if (end < text_.size() && text_[end] == '"') return "a cell without quotes contains a quote";
      cell.text = text_.substr(at_, end - at_);
      if ((end == text_.size() || text_[end] == '\n') && cell.text.ends_with('\r')) cell.text.remove_suffix(1);
      at_ = end;
    }
    cells.push_back(cell);
    if (at_ == text_.size() || text_[at_] == '\n') break;
    ++at_;  // the comma
  }
  if (at_ < text_.size()) ++at_;
  ++line_;
  return {};
}

// Finds the closing quote. A quoted cell may contain line feeds, so the line number advances by those too.
std::string Rows::quoted(Cell& cell) {
  cell.quoted = true;
  std::size_t start = ++at_;
  while (true) {
    at_ = text_.find('"', at_);
    if (at_ == std::string_view::npos) {
      at_ = text_.size();
      return "a quote is not closed";
    }
    if (!text_.substr(at_ + 1).starts_with('"')) break;
    cell.doubled = true;
    at_ += 2;
  }
  cell.text = text_.substr(start, at_ - start);
  line_ += static_cast<std::size_t>(std::count(cell.text.begin(), cell.text.end(), '\n'));
  ++at_;
  if (text_.substr(at_).starts_with("\r\n")) ++at_;
  if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') return "something follows a closing quote";
  return {};
}

}  // namespace modelctl::csv
