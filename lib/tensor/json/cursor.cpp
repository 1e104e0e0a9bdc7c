// The grammar of RFC 8259, once: what passes here is JSON, and every number, string and nesting has a bound.
#include "tensor/json/cursor.hpp"

#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace modelctl::json {
namespace {
// The depth limits the stack, since nested values are skipped by recursion; the number of keys limits the set that
// finds repeated ones. parse_json() allows the same depth.
constexpr int depth_limit = 100;
constexpr std::size_t key_limit = 10'000;
bool is_digit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

const Member* find(const std::vector<Member>& members, std::string_view key) {
  for (const Member& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

bool Cursor::fail(std::string reason) {
  if (reason_.empty()) {
    reason_ = std::move(reason);
    failed_at_ = std::min(at_, text_.size());
  }
  return false;
}

// Line and column are counted only now: a request that is valid does not pay for them. The column counts bytes.
std::string Cursor::fault() const {
  std::string_view before = text_.substr(0, failed_at_);
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  std::size_t column = failed_at_ - (before.rfind('\n') + 1) + 1;
  return fmt::format("line {}, column {}: {}", line, column, reason_);
}

bool Cursor::string(std::string& value) {
  value.clear();
  return pass_string(&value);
}

bool Cursor::pass_string(std::string* value) {
  if (!eat('"')) return fail("a string is expected");
  while (true) {
    std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 32) {
      ++at_;
    }
    std::string_view run = text_.substr(start, at_ - start);
    if (!is_utf8(run)) return fail("a string is not UTF-8");
    if (value != nullptr) *value += run;
    if (at_ == text_.size()) return fail("it ends within a string");
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\') return fail("a control character stands in a string");
    ++at_;
    if (!escape(value)) return false;
  }
  ++at_;
  return true;
}

bool Cursor::hex(unsigned& value) {
  value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    char c = at_ < text_.size() ? text_[at_] : '\0';
    int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return fail("four hexadecimal digits are expected after \\u");
    value = value * 16 + static_cast<unsigned>(digit);
  }
  return true;
}

bool Cursor::escape(std::string* value) {
  static constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  char c = at_ < text_.size() ? text_[at_] : '\0';
  unsigned code_point = 0;
  if (std::size_t which = names.find(c); which != std::string_view::npos && c != '\0') {
    ++at_;
    code_point = static_cast<unsigned char>(meanings[which]);
  } else if (c == 'u') {
    ++at_;
    if (!hex(code_point)) return false;
    if (code_point >= 0xd800 && code_point < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      unsigned low = 0;
      at_ += 2;
      if (!hex(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail("half a surrogate pair stands in a string");
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
    }
  } else {
    return fail("an unknown escape stands in a string");
  }
  std::string decoded;
  if (!append_utf8(decoded, code_point)) return fail("half a surrogate pair stands in a string");
  if (value != nullptr) *value += decoded;
  return true;
}

// The hot loop of every request: each number passes here once for every time that its list is skipped or read.
bool Cursor::number(Number& number) {
  peek();
  const char* const begin = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const char* next = begin;
  auto digits = [&] {
    const char* from = next;
    while (next != end && is_digit(*next)) ++next;
    return next != from;
  };
  auto is = [&](char a, char b) { return next != end && (*next == a || *next == b); };
  auto refuse = [&] {
    std::string_view rest = text_.substr(at_);
    for (std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (rest.starts_with(word)) return fail(fmt::format("JSON has no {0}; write it as a string, \"{0}\"", word));
    }
    return fail("a number is expected");
  };
  if (is('-', '-')) ++next;
  if (is('0', '0')) ++next;
  else if (!digits()) return refuse();
  number.whole = true;
  if (is('.', '.')) {
    number.whole = false;
    if (++next; !digits()) return refuse();
  }
  if (is('e', 'E')) {
    number.whole = false;
    if (++next; is('-', '+')) ++next;
    if (!digits()) return refuse();
  }
  number.text = {begin, static_cast<std::size_t>(next - begin)};
  at_ += number.text.size();
  return true;
}

bool Cursor::boolean(bool& value) {
  char c = peek();
  if (c != 't' && c != 'f') return fail("true or false is expected");
  value = c == 't';
  return word(value ? "true" : "false");
}

bool Cursor::word(std::string_view expected) {
  if (!text_.substr(at_).starts_with(expected)) return fail("a value is expected");
  at_ += expected.size();
  return true;
}

bool Cursor::object(const std::function<bool(const std::string& key)>& visit) {
  if (!eat('{')) return fail("an object is expected");
  if (eat('}')) return true;
  std::unordered_set<std::string> seen;
  do {
    std::string key;
    if (peek() != '"' || !string(key)) return fail("a key is expected");
    if (seen.size() == key_limit) return fail(fmt::format("an object has more than {} keys", key_limit));
    auto [known, added] = seen.insert(std::move(key));
    if (!added) return fail(fmt::format("the key '{}' stands twice", *known));
    if (!eat(':')) return fail("a ':' is expected");
    peek();
    if (!visit(*known)) return false;
  } while (eat(','));
  return eat('}') || fail("a ',' or '}' is expected");
}

bool Cursor::object(std::vector<Member>& members) {
  return object([&](const std::string& key) {
    members.push_back({key, at_});
    return skip();
  });
}

bool Cursor::skip() { return skip_nested(0); }

bool Cursor::skip_nested(int depth) {
  if (depth == depth_limit) return fail(fmt::format("it nests deeper than {}", depth_limit));
  Number ignored;
  bool value = false;
  char open = peek();
  switch (open) {
    case '"': return pass_string(nullptr);
    case 't':
    case 'f': return boolean(value);
    case 'n': return word("null");
    case '[':
    case '{': {
      char close = open == '[' ? ']' : '}';
      eat(open);
      if (eat(close)) return true;
      do {
        if (open == '{' && (!pass_string(nullptr) || !(eat(':') || fail("a ':' is expected")))) return false;
        char c = peek();
        if (is_digit(c) ? !number(ignored) : !skip_nested(depth + 1)) return false;
      } while (eat(','));
      return eat(close) || fail(fmt::format("a ',' or '{}' is expected", close));
    }
    case '\0':
      if (at_ == text_.size()) return fail("it ends too early");
      [[fallthrough]];
    default: return number(ignored);
  }
}

bool quote(std::string& out, std::string_view text) {
  if (!is_utf8(text)) return false;
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 32) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += c;
    }
  }
  out += '"';
  return true;
}

}  // namespace modelctl::json
