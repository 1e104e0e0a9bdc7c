// One pass over the lines. What a line is follows from its first characters; where a block ends, from the next line.
#include "cli/describe/troff.hpp"

#include "cli/describe/manual.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace modelctl::cli {
namespace {

// "[exit codes](exit-codes.md)" -> "exit codes, modelctl-exit-codes(7)"; "`code`" and "**bold**" without their marks.
std::string plain(std::string text) {
  for (std::size_t middle; (middle = text.find("](")) != std::string::npos;) {
    std::size_t open = text.rfind('[', middle), close = text.find(')', middle);
    if (open == std::string::npos || close == std::string::npos) break;
    std::string target = text.substr(middle + 2, close - middle - 2);
    std::string words = text.substr(open + 1, middle - open - 1);
    const Manual* manual = manual_of(target.substr(target.rfind('/') + 1));
    if (manual != nullptr) words += fmt::format(", {}({})", manual->name, manual->section);
    text.replace(open, close - open + 1, words);
  }
  for (std::size_t at; (at = text.find("**")) != std::string::npos;) text.erase(at, 2);
  std::erase(text, '`');
  return text;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// The cells of "| a | b |". An escaped bar, "\|", is part of a cell.
std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '\\' && i + 1 < row.size() && row[i + 1] == '|') cell += row[++i];
    else if (row[i] != '|') cell += row[i];
    else cells.push_back(std::move(cell)), cell.clear();
  }
  for (std::string& each : cells) {
    each.erase(0, each.find_first_not_of(' '));
    each.erase(each.find_last_not_of(' ') + 1);
  }
  return cells;
}

class Troff {
 public:
  void add(const std::string& line) {
    std::size_t indent = line.find_first_not_of(' ');
    bool number = !line.empty() && line[0] >= '1' && line[0] <= '9' && line.substr(1, 2) == ". ";
    if (line.empty() || line.starts_with("# ") || line.starts_with("<!--")) {
      ends_ = true;
      return;
    }
    if (indent >= 4) return code(line);
    if (block_ == Block::code) text_ += ".EE\n";
    if (line[0] == '|') return row(line);
    if (line.starts_with("## ")) heading(".SH", upper(plain(line.substr(3))));
    else if (line.starts_with("### ")) heading(".SS", plain(line.substr(4)));
    else if (line.starts_with("- ")) item(".IP \\(bu 2", line.substr(2));
    else if (number) item(fmt::format(".IP {}. 3", line[0]), line.substr(3));
    else paragraph(line.substr(indent));
  }

  std::string text() { return std::move(text_) + (block_ == Block::code ? ".EE\n" : ""); }

 private:
  enum class Block { none, paragraph, code, row };

  // The header of a table and the line of dashes below it are left out: a page is too narrow for columns.
  void row(const std::string& line) {
    bool header = block_ != Block::row;
    block_ = Block::row;
    ends_ = false;
    if (header || line.starts_with("|--")) return;
    auto cells = cells_of(line);
    std::string rest;
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if (!cells[i].empty()) rest += (rest.empty() ? "" : "; ") + cells[i];
    }
    text_ += fmt::format(".TP\n\\fB{}\\fR\n{}\n", troff_text(plain(cells[0])), troff_text(plain(rest)));
  }
  void code(const std::string& line) {
    if (block_ != Block::code) text_ += ".PP\n.EX\n";
    else if (ends_) text_ += "\n";
    block_ = Block::code;
    ends_ = false;
    text_ += troff_text(line) + "\n";
  }
  void heading(const std::string& request, const std::string& title) {
    text_ += request + " " + troff_text(title) + "\n";
    block_ = Block::none;
    ends_ = false;
  }
  void item(const std::string& request, const std::string& line) {
    text_ += request + "\n" + troff_text(plain(line)) + "\n";
    block_ = Block::paragraph;
    ends_ = false;
  }
  void paragraph(const std::string& line) {
    if (block_ != Block::none && (block_ != Block::paragraph || ends_)) text_ += ".PP\n";
    text_ += troff_text(plain(line)) + "\n";
    block_ = Block::paragraph;
    ends_ = false;
  }

  Block block_ = Block::none;
  bool ends_ = false;  // an empty line came, which ends a block unless more of it follows
  std::string text_;
};

}  // namespace

std::string troff_text(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') result += "\\e";
    else if (c == '-') result += "\\-";
    else result += c;
    line_start = c == '\n';
  }
  return result;
}

std::string troff_of(std::string_view markdown) {
  Troff troff;
  std::istringstream lines{std::string(markdown)};
  for (std::string line; std::getline(lines, line);) troff.add(line);
  return troff.text();
}

}  // namespace modelctl::cli
