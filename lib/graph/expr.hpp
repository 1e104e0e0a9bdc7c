// Symbolic integers: the sizes of tensors, and the contents of small integer tensors that become sizes. They are kept
// in a canonical form (a polynomial over symbols and opaque divisions, minima, …), so that equal expressions compare
// equal and common factors cancel: (batch*12 + batch*4) / 16 is batch.
//
// Every symbol is a tensor size, that is an integer of 0 or more, and every rule in this file uses that. Expressions
// may still be negative in between (h - 3), because the contents of shape tensors may be.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::graph {

// An immutable value; copies share one node and may be used from any thread. Constant arithmetic saturates to
// "overflow", an opaque symbol that equals nothing, so that a malicious size never wraps around.
class Expr {
 public:
  Expr() : Expr(0) {}
  Expr(std::int64_t constant);  // implicit: sizes are written as numbers
  static Expr symbol(std::string name);
  // The result of arithmetic that leaves 64 bits, divides by 0, or grows beyond the limits of expr.cpp. Like NaN it
  // equals nothing, not even itself, and it propagates through every operation.
  static Expr overflow();
  bool overflowed() const;

  std::optional<std::int64_t> constant() const;
  bool is(std::int64_t value) const { return constant() == value; }
  std::optional<std::string> symbol_name() const;  // if the expression is a single symbol

  friend Expr operator+(const Expr& a, const Expr& b);
  friend Expr operator-(const Expr& a, const Expr& b);
  friend Expr operator*(const Expr& a, const Expr& b);
  friend Expr floor_div(const Expr& a, const Expr& b);
  friend Expr ceil_div(const Expr& a, const Expr& b);
  friend Expr mod(const Expr& a, const Expr& b);  // sign of the divisor, as Python's
  friend Expr min(const Expr& a, const Expr& b);
  friend Expr max(const Expr& a, const Expr& b);
  // The size that two sizes broadcast to: either one if they are equal, the other one if one is 1. Two constants that
  // cannot broadcast overflow; sizes that stay symbolic are checked when the model runs.
  friend Expr broadcast(const Expr& a, const Expr& b);
  friend bool operator==(const Expr& a, const Expr& b);

  // True only if it holds for every assignment of sizes (0 or more) to the symbols; false means "not proven".
  bool known_non_negative() const;
  bool known_positive() const;

  // "batch*12+1", "floor_div(h+1,2)", "max(0,n-3)"; parse() reads it back.
  std::string text() const;
  // The text for messages: its beginning and "…" if it is long. The sizes behind a few strided convolutions fill lines.
  std::string brief() const;
  static std::optional<Expr> parse(std::string_view text);

  // Replaces each symbol for which `value` returns an expression, and simplifies the result.
  Expr substitute(const std::function<std::optional<Expr>(const std::string&)>& value) const;

  // The expression as one level of a tree, for the lowering to the shape program and for printers.
  enum class Kind { constant, symbol, add, mul, floor_div, ceil_div, mod, min, max, broadcast };
  struct View {
    Kind kind;
    std::int64_t constant = 0;
    std::string symbol;
    std::vector<Expr> operands;  // add, mul: two or more; the others: two
  };
  View view() const;  // overflow appears as a symbol of that name
  // The operation of that kind (add, mul and the six functions).
  static Expr make(Kind kind, const Expr& a, const Expr& b);

 private:
  friend struct ExprMaker;
  struct Node;
  explicit Expr(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

Expr floor_div(const Expr& a, const Expr& b);
Expr ceil_div(const Expr& a, const Expr& b);
Expr mod(const Expr& a, const Expr& b);
Expr min(const Expr& a, const Expr& b);
Expr max(const Expr& a, const Expr& b);
Expr broadcast(const Expr& a, const Expr& b);

}  // namespace modelctl::graph
