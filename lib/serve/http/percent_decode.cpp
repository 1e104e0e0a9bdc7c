// Every byte may be an escape, including NUL and '/': routes are matched after decoding, and a path is never a file's.
#include "serve/http/percent_decode.hpp"

#include <algorithm>

namespace modelctl::serve {

std::string percent_decode(std::string_view text) {
  auto nibble = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  };
  std::size_t first = std::min(text.find('%'), text.size());
  std::string out(text.substr(0, first));
  for (std::size_t i = first; i < text.size(); ++i) {
    int high = -1, low = -1;
    if (text[i] == '%' && i + 2 < text.size()) high = nibble(text[i + 1]), low = nibble(text[i + 2]);
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace modelctl::serve
