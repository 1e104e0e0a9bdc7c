// Each format has its plain form, for names that look alike everywhere, and one that can hold anything.
#include "actions/quoting.hpp"

#include "base/json.hpp"
#include "tensor/utf8.hpp"

#include <algorithm>

namespace modelctl::actions {
namespace {

constexpr std::size_t most_of_a_line = 300, most_of_a_name = 100;  // bytes

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Letters, digits and what is in `others`.
bool consists_of_plain(std::string_view text, std::string_view others) {
  return std::ranges::all_of(
      text, [&](char c) { return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos; });
}

}  // namespace

std::string yaml_scalar(const std::string& text) {
  // Plain, they are booleans and nulls of YAML 1.1 or 1.2.
  static constexpr std::string_view words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  std::string folded = text;
  std::ranges::transform(folded, folded.begin(), lower);
  bool is_text = !text.empty() && (is_letter(text[0]) || text[0] == '_' || text.starts_with("../"));
  if (is_text && consists_of_plain(text, "_.-/") && std::ranges::find(words, folded) == std::end(words)) return text;
  // A string of JSON is a double-quoted scalar of YAML.
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string markdown_cell(std::string_view text) {
  std::string cell = "`";
  for (char c : text) {
    if (c == '|') cell += "\\|";
    else cell += c == '`' || is_control(c) ? ' ' : c;
  }
  return cell + "`";
}

std::string package_name(std::string_view text) {
  std::string name;
  for (char c : text.substr(0, most_of_a_name)) {
    bool separates = !is_letter(c) && !is_digit(c);
    if (!separates) name += lower(c);
    else if (!name.empty() && (is_letter(name.back()) || is_digit(name.back()))) name += c == '.' || c == '_' ? c : '-';
  }
  while (!name.empty() && !is_letter(name.back()) && !is_digit(name.back())) name.pop_back();
  return name.empty() ? "model" : name;
}

std::string one_line(std::string_view text) {
  if (!is_utf8(text)) return "";
  std::string line;
  for (char c : text) {
    if (!is_control(c) && c != ' ') line += c;
    else if (!line.empty() && line.back() != ' ') line += ' ';
    if (line.size() > most_of_a_line) break;
  }
  if (line.size() > most_of_a_line) {
    constexpr std::string_view ellipsis = "…";
    line.resize(most_of_a_line - ellipsis.size());
    while (!is_utf8(line)) line.pop_back();
    line += ellipsis;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace modelctl::actions
