// An @ that starts no name of the values is an ordinary character: addresses and versions of GitHub's actions have it.
#include "actions/template_text.hpp"

namespace modelctl::actions {
namespace {

// What precedes the end of the text in its last line, if that is only spaces.
std::string indentation_at_end(std::string_view text) {
  std::string_view line = text.substr(text.rfind('\n') + 1);
  return std::string(line.find_first_not_of(' ') == std::string_view::npos ? line : "");
}

void append_indented(std::string& to, std::string_view value) {
  const std::string indentation = indentation_at_end(to);
  for (std::size_t i = 0; i < value.size(); ++i) {
    to += value[i];
    if (value[i] == '\n' && i + 1 < value.size() && value[i + 1] != '\n') to += indentation;
  }
}

}  // namespace

std::string fill(std::string_view text, const TemplateValues& values) {
  std::string filled;
  while (true) {
    std::size_t begin = text.find('@');
    filled += text.substr(0, begin);
    if (begin == std::string_view::npos) return filled;
    std::size_t end = text.find('@', begin + 1);
    auto value = end == std::string_view::npos ? values.end() : values.find(text.substr(begin + 1, end - begin - 1));
    if (value == values.end()) {
      filled += '@';
      text.remove_prefix(begin + 1);
    } else {
      append_indented(filled, value->second);
      text.remove_prefix(end + 1);
    }
  }
}

}  // namespace modelctl::actions
