// The UTF-8 decoder and encoder. Overlong forms are rejected by comparing the value with the smallest one of its
// length: accepting them would let two byte sequences mean one string.
#include "tensor/utf8.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl {
namespace {

// Unicode scalar values: surrogates are not characters.
bool is_code_point(std::uint32_t value) { return value < 0x110000 && (value < 0xd800 || value > 0xdfff); }

// Decodes the code point at the start of `text` and removes its bytes; nullopt if there is no valid one. The bytes 0xc0
// to 0xc1 and 0xf5 to 0xf7 need no rule of their own: what they begin is overlong, or beyond U+10FFFF.
std::optional<std::uint32_t> next(std::string_view& text) {
  auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
  if (length == 0 || length > text.size()) return std::nullopt;
  static constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  std::uint32_t value = length == 1 ? lead : lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte & 0x3f);
  }
  if (value < smallest[length] || !is_code_point(value)) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

}  // namespace

// The leading byte holds the highest bits, each continuation byte six more.
bool append_utf8(std::string& out, std::uint32_t code_point) {
  if (!is_code_point(code_point)) return false;
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xe0 | code_point >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | code_point >> 18);
    tail(12), tail(6), tail(0);
  }
  return true;
}

std::optional<std::u32string> from_utf8(std::string_view text) {
  std::u32string code_points;
  while (!text.empty()) {
    auto code_point = next(text);
    if (!code_point) return std::nullopt;
    code_points += static_cast<char32_t>(*code_point);
  }
  return code_points;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint64_t eight = 0x80;
    if (text.size() >= sizeof eight) std::memcpy(&eight, text.data(), sizeof eight);
    if ((eight & 0x8080808080808080) == 0) text.remove_prefix(sizeof eight);  // ASCII
    else if (!next(text)) return false;
  }
  return true;
}

// Byte by byte: such texts are short, and rare.
std::string to_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < std::min<std::size_t>(text.size(), 4) && !is_utf8(text.substr(0, length))) ++length;
    if (is_utf8(text.substr(0, length))) {
      out += text.substr(0, length);
    } else {
      append_utf8(out, 0xfffd);
      length = 1;
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace modelctl
