// Bytes beyond ASCII are compared as they are.
#include "serve/http/header_text.hpp"

#include <algorithm>

namespace modelctl::serve {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  auto first = std::min(text.find_first_not_of(" \t"), text.size());
  auto last = text.find_last_not_of(" \t");
  return last == text.npos ? std::string_view() : text.substr(first, last - first + 1);
}

}  // namespace modelctl::serve
