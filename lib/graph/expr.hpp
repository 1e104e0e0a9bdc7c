// Symbolic whole numbers: the sizes of tensors, and the contents of small integer tensors that become sizes. Kept in a
// canonical form (a polynomial over symbols and opaque divisions, minima, …), so that equal expressions compare equal
// and what cancels is gone: (batch*12 + batch*4) / 16 is batch.
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

// An immutable value; copies share. Constant arithmetic saturates to "overflow", an opaque symbol of its own that
// equals nothing, so that a malicious size never wraps.
class Expr {
 public:
  Expr() : Expr(0) {}
  Expr(std::int64_t constant);  // implicit: sizes are written as numbers
  static Expr symbol(std::string name);
  // What arithmetic gives that leaves 64 bits, divides by 0, or grows beyond reading: it equals nothing, itself
  // included.
  static Expr overflow();
  bool overflowed() const;

  std::optional<std::int64_t> constant() const;
  bool is(std::int64_t value) const { return constant() == value; }
  std::optional<std::string> symbol_name() const;  // where it is one symbol and nothing more

  friend Expr operator+(const Expr& a, const Expr& b);
  friend Expr operator-(const Expr& a, const Expr& b);
  friend Expr operator*(const Expr& a, const Expr& b);
  friend Expr floor_div(const Expr& a, const Expr& b);
  friend Expr ceil_div(const Expr& a, const Expr& b);
  friend Expr mod(const Expr& a, const Expr& b);  // sign of the divisor, as Python's
  friend Expr min(const Expr& a, const Expr& b);
  friend Expr max(const Expr& a, const Expr& b);
  // The size that two sizes broadcast to: either of equal ones, the other of 1. What never broadcasts overflows; for
  // sizes that are not known before, the run decides.
  friend Expr broadcast(const Expr& a, const Expr& b);
  friend bool operator==(const Expr& a, const Expr& b);

  // True only where it is certain, taking every symbol as a size of 0 or more.
  bool known_non_negative() const;
  bool known_positive() const;

  // "batch*12+1", "floor_div(h+1,2)", "max(0,n-3)"; parse() reads it back.
  std::string text() const;
  static std::optional<Expr> parse(std::string_view text);

  // Replaces each symbol for which `value` answers something.
  Expr substitute(const std::function<std::optional<Expr>(const std::string&)>& value) const;

  // The tree behind it, for the lowering to the shape program and for printers: visitors see one of these.
  enum class Kind { constant, symbol, add, mul, floor_div, ceil_div, mod, min, max, broadcast };
  struct View {
    Kind kind;
    std::int64_t constant = 0;
    std::string symbol;
    std::vector<Expr> operands;  // add, mul: two or more; the others: two
  };
  View view() const;  // overflow shows as a symbol of that name
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
