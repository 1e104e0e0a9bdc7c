// The parser of expressions, and the quoting of symbol names. Models name their dimensions as they like ("batch size",
// "décodeur"), so any byte sequence must survive printing and parsing. The parser is recursive and therefore bounds its
// depth: the text may come from a fuzzer.
#include "graph/expr_text.hpp"

#include "graph/expr.hpp"

#include <array>
#include <charconv>

namespace modelctl::graph {
namespace {

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_word_start(c) || (c >= '0' && c <= '9') || c == '.'; }

struct Function {
  std::string_view name;
  Expr::Kind kind;
};
constexpr std::array<Function, 6> functions{{{"floor_div", Expr::Kind::floor_div},
                                             {"ceil_div", Expr::Kind::ceil_div},
                                             {"mod", Expr::Kind::mod},
                                             {"min", Expr::Kind::min},
                                             {"max", Expr::Kind::max},
                                             {"broadcast", Expr::Kind::broadcast}}};

// sum: ['-'] product (('+'|'-') product)*;  product: atom ('*' atom)*;  atom: number | word | function(sum,sum) | (sum)
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Expr> all() {
    auto value = sum(0);
    skip();
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  static constexpr int max_depth = 40;

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // The parser evaluates as it goes: every partial sum is in normal form, so the limits of expr.cpp bound the memory.
  std::optional<Expr> sum(int depth) {
    if (depth > max_depth) return std::nullopt;
    bool negative = take('-');
    auto first = product(depth, negative);
    if (!first) return std::nullopt;
    Expr total = *first;
    while (true) {
      bool minus = take('-');
      if (!minus && !take('+')) return total;
      auto next = product(depth, minus);
      if (!next) return std::nullopt;
      total = total + *next;
    }
  }

  std::optional<Expr> product(int depth, bool negative) {
    auto first = atom(depth, negative);
    if (!first) return std::nullopt;
    Expr total = *first;
    while (take('*')) {
      auto next = atom(depth, false);
      if (!next) return std::nullopt;
      total = total * *next;
    }
    return total;
  }

  std::optional<Expr> atom(int depth, bool negative) {
    auto value = plain_atom(depth, negative);
    if (value && negative && !signed_number_) return Expr(-1) * *value;
    return value;
  }

  std::optional<Expr> plain_atom(int depth, bool negative) {
    skip();
    signed_number_ = false;
    if (at_ == text_.size()) return std::nullopt;
    char c = text_[at_];
    if (c >= '0' && c <= '9') return number(negative);
    if (c == '"') {
      auto name = read_quoted(text_, at_);
      return name ? std::optional(Expr::symbol(std::move(*name))) : std::nullopt;
    }
    if (take('(')) {
      auto value = sum(depth + 1);
      signed_number_ = false;
      return value && take(')') ? value : std::nullopt;
    }
    if (!is_word_start(c)) return std::nullopt;
    std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "overflow") return Expr::overflow();
    for (const Function& function : functions) {
      if (word == function.name) return call(function.kind, depth);
    }
    return Expr::symbol(std::string(word));
  }

  std::optional<Expr> call(Expr::Kind kind, int depth) {
    if (!take('(')) return std::nullopt;
    auto a = sum(depth + 1);
    if (!a || !take(',')) return std::nullopt;
    auto b = sum(depth + 1);
    signed_number_ = false;
    if (!b || !take(')')) return std::nullopt;
    return Expr::make(kind, *a, *b);
  }

  // The sign is parsed together with the digits, because -2^63 has no positive counterpart in 64 bits.
  std::optional<Expr> number(bool negative) {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    std::string digits = (negative ? "-" : "") + std::string(text_.substr(at_, end - at_));
    std::int64_t value = 0;
    auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
    at_ = end;
    signed_number_ = negative;
    return Expr(value);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool signed_number_ = false;  // true if the last atom was a number that consumed the sign before it
};

// Lower case only, as quoted() writes.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Expr> Expr::parse(std::string_view text) { return Parser(text).all(); }

std::string expr_identifier(std::string_view name) {
  bool plain = !name.empty() && is_word_start(name[0]) && name != "overflow";
  for (char c : name) plain = plain && is_word(c);
  for (const Function& function : functions) plain = plain && name != function.name;
  return plain ? std::string(name) : quoted(name);
}

std::string quoted(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The inverse of quoted(). Any escaped character other than n, t and x stands for itself.
// `at` is that of the opening quote, and moves after the closing one only if there is one.
std::optional<std::string> read_quoted(std::string_view text, std::size_t& at) {
  std::string out;
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != '"') {
    if (text[i] != '\\') {
      out += text[i++];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    char c = text[i++];
    if (c == 'n') {
      out += '\n';
    } else if (c == 't') {
      out += '\t';
    } else if (c == 'x') {
      if (i + 2 > text.size() || hex_digit(text[i]) < 0 || hex_digit(text[i + 1]) < 0) return std::nullopt;
      out += static_cast<char>(hex_digit(text[i]) * 16 + hex_digit(text[i + 1]));
      i += 2;
    } else {
      out += c;
    }
  }
  if (i >= text.size()) return std::nullopt;
  at = i + 1;
  return out;
}

}  // namespace modelctl::graph
