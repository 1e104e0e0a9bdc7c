// Expr's normal form: a polynomial whose terms are sorted by degree, then by the text of their atoms. An atom is a
// symbol or an opaque operation over two more polynomials.
//
// Theory. Sizes in a model are sums and products of symbols almost everywhere; divisions, remainders, minima and maxima
// appear at convolutions, reshapes and slices. Polynomials with integer coefficients form a ring with a unique normal
// form (expand, collect like terms, sort), so deciding equality there is a comparison of normal forms. The other
// operations have no complete normal form that is cheap, hence they become atoms: indeterminates whose identity is the
// operation and the normal form of its operands. Equality is therefore *sound but incomplete*: equal forms are equal
// numbers for every assignment, while two different forms may still be the same number. Callers must treat "not equal"
// as "not known to be equal" and leave the check to the run.
//
// Before an operation becomes an atom, rules with a proof next to them simplify it:
//   exact division   a / b by polynomial long division if no remainder is left. The term order (`compare`) is a graded
//                    monomial order: multiplying two monomials by a third keeps their order, so the leading term of a
//                    product is the product of the leading terms, and long division by the leading term terminates.
//   floor division   the part of every coefficient that the divisor divides moves out of the floor, common factors of
//                    what is left cancel, and nested divisions by constants join (Graham, Knuth, Patashnik, Concrete
//                    Mathematics, section 3.2).
//   broadcast        commutative, associative, idempotent, with 1 as neutral element: it is kept as a sorted set.
//
// Each expression's text is made once, when the expression is made, and is injective: equal texts are equal forms. That
// makes it the key for ordering and comparison. The limits below bound the text and the number of terms; an expression
// that grows past them becomes overflow, so a hostile model cannot make shape inference slow.
#include "graph/expr.hpp"

#include "graph/expr_text.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace modelctl::graph {
namespace {

constexpr std::size_t max_text = 2000;     // characters of one expression
constexpr std::size_t max_terms = 64;      // of one polynomial
constexpr std::size_t max_divisions = 64;  // steps of one polynomial division

using Int = std::int64_t;

std::optional<Int> checked_add(Int a, Int b) {
  Int sum;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}
std::optional<Int> checked_mul(Int a, Int b) {
  Int product;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}
// Rounds down; the divisor is positive.
Int floor_quotient(Int a, Int b) { return a / b - (a % b < 0 ? 1 : 0); }
Int floor_remainder(Int a, Int b) { return a % b < 0 ? a % b + b : a % b; }

const char* function_name(Expr::Kind kind) {
  switch (kind) {
    case Expr::Kind::floor_div: return "floor_div";
    case Expr::Kind::ceil_div: return "ceil_div";
    case Expr::Kind::mod: return "mod";
    case Expr::Kind::min: return "min";
    case Expr::Kind::max: return "max";
    default: return "broadcast";
  }
}

}  // namespace

struct Atom {
  Expr::Kind kind;  // symbol, or one of the functions
  std::string symbol;
  Expr a, b;
  std::string text;
};
using AtomRef = std::shared_ptr<const Atom>;

struct Term {
  std::vector<AtomRef> atoms;  // sorted by text; a power repeats its atom; empty: the constant term
  Int coefficient;             // never 0
};

struct Expr::Node {
  std::vector<Term> terms;  // sorted by before(); empty: 0
  bool overflow = false;
  std::string text;
};

namespace {

bool atom_before(const AtomRef& a, const AtomRef& b) { return a->text < b->text; }

// The order of monomials: higher degree first, then lexicographic by the atoms. Multiplying both sides by a further
// monomial keeps the order, which is what exact division by leading terms needs.
int compare(const std::vector<AtomRef>& a, const std::vector<AtomRef>& b) {
  if (a.size() != b.size()) return a.size() > b.size() ? -1 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (int order = a[i]->text.compare(b[i]->text); order != 0) return order;
  }
  return 0;
}

std::string term_text(const Term& term, bool first) {
  std::string text;
  for (const AtomRef& atom : term.atoms) {
    if (!text.empty()) text += '*';
    text += atom->text;
  }
  std::string number = std::to_string(term.coefficient);
  bool negative = number[0] == '-';
  std::string magnitude = negative ? number.substr(1) : number;
  std::string sign = negative ? "-" : first ? "" : "+";
  if (text.empty()) return sign + magnitude;
  return sign + text + (magnitude == "1" ? "" : "*" + magnitude);
}

std::vector<AtomRef> merge(const std::vector<AtomRef>& a, const std::vector<AtomRef>& b) {
  std::vector<AtomRef> all(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), all.begin(), atom_before);
  return all;
}

// The monomial a / b, or nothing if b does not divide a.
std::optional<std::vector<AtomRef>> divide(const std::vector<AtomRef>& a, const std::vector<AtomRef>& b) {
  if (!std::includes(a.begin(), a.end(), b.begin(), b.end(), atom_before)) return std::nullopt;
  std::vector<AtomRef> quotient;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(quotient), atom_before);
  return quotient;
}

}  // namespace

// The implementation of the operators. It is a struct so that one friend declaration gives it access to Expr's node.
struct ExprMaker {
  using Terms = std::vector<Term>;

  static const Terms& terms(const Expr& e) { return e.node_->terms; }
  static bool overflowed(const Expr& e) { return e.node_->overflow; }

  static Expr overflow() {
    static const auto node = std::make_shared<const Expr::Node>(Expr::Node{{}, true, "overflow"});
    return Expr(node);
  }

  // Brings terms in any order to the normal form: sorts, collects like terms, drops zeros, and makes the text.
  static Expr make(Terms all) {
    std::sort(all.begin(), all.end(), [](const Term& a, const Term& b) { return compare(a.atoms, b.atoms) < 0; });
    Terms joined;
    for (Term& term : all) {
      if (!joined.empty() && compare(joined.back().atoms, term.atoms) == 0) {
        auto sum = checked_add(joined.back().coefficient, term.coefficient);
        if (!sum) return overflow();
        joined.back().coefficient = *sum;
      } else {
        if (!joined.empty() && joined.back().coefficient == 0) joined.pop_back();
        joined.push_back(std::move(term));
      }
    }
    if (!joined.empty() && joined.back().coefficient == 0) joined.pop_back();
    if (joined.size() > max_terms) return overflow();
    std::string text;
    for (const Term& term : joined) {
      // -2^63 has no positive counterpart, and "-a*9223372036854775808" could not be parsed.
      if (!term.atoms.empty() && term.coefficient == std::numeric_limits<Int>::min()) return overflow();
      text += term_text(term, text.empty());
    }
    if (joined.empty()) text = "0";
    if (text.size() > max_text) return overflow();
    return Expr(std::make_shared<const Expr::Node>(Expr::Node{std::move(joined), false, std::move(text)}));
  }

  static Expr of_term(Term term) { return make({std::move(term)}); }
  static Expr of_atom(Atom atom) { return of_term({{std::make_shared<const Atom>(std::move(atom))}, 1}); }

  static Expr opaque(Expr::Kind kind, const Expr& a, const Expr& b) {
    std::string text = std::string(function_name(kind)) + "(" + a.text() + "," + b.text() + ")";
    return of_atom({kind, {}, a, b, std::move(text)});
  }

  // Terms are concatenated and normalized: n log n comparisons for n terms, of which there are at most twice max_terms.
  static Expr sum(const Expr& a, const Expr& b) {
    Terms all = terms(a);
    all.insert(all.end(), terms(b).begin(), terms(b).end());
    return make(std::move(all));
  }

  // Multiplied out term by term. The product of the term counts is checked before, since like terms are only collected
  // after all of them exist.
  static Expr product(const Expr& a, const Expr& b) {
    if (terms(a).size() * terms(b).size() > max_terms * max_terms) return overflow();
    Terms all;
    for (const Term& x : terms(a)) {
      for (const Term& y : terms(b)) {
        auto coefficient = checked_mul(x.coefficient, y.coefficient);
        if (!coefficient) return overflow();
        all.push_back({merge(x.atoms, y.atoms), *coefficient});
      }
    }
    return make(std::move(all));
  }

  // a / b if b divides a as a polynomial. Each step cancels the leading term of the rest, so the rest gets smaller in
  // the monomial order; max_divisions bounds the steps all the same, because the coefficients may be chosen badly.
  static std::optional<Expr> exact_quotient(const Expr& a, const Expr& b) {
    if (terms(b).empty()) return std::nullopt;
    Expr rest = a, quotient;
    const Term& lead = terms(b)[0];
    for (std::size_t step = 0; !terms(rest).empty(); ++step) {
      const Term& top = terms(rest)[0];
      auto atoms = divide(top.atoms, lead.atoms);
      if (!atoms || step == max_divisions || lead.coefficient == -1 || top.coefficient % lead.coefficient != 0) {
        return std::nullopt;
      }
      Expr part = of_term({std::move(*atoms), top.coefficient / lead.coefficient});
      quotient = quotient + part;
      rest = rest - part * b;
      if (overflowed(rest) || overflowed(quotient)) return std::nullopt;
    }
    return quotient;
  }

  // a = divisor * whole + rest with every coefficient of rest in [0, divisor). As the divisor is an integer and every
  // term is one too, floor(a / divisor) = whole + floor(rest / divisor), and a mod divisor = rest mod divisor.
  static void split(const Expr& a, Int divisor, Expr& whole, Expr& rest) {
    Terms quotients, remainders;
    for (const Term& term : terms(a)) {
      if (Int q = floor_quotient(term.coefficient, divisor)) quotients.push_back({term.atoms, q});
      if (Int r = floor_remainder(term.coefficient, divisor)) remainders.push_back({term.atoms, r});
    }
    whole = make(std::move(quotients));
    rest = make(std::move(remainders));
  }

  // floor(a / divisor), divisor > 0.
  static Expr floor_by(const Expr& a, Int divisor) {
    Expr whole, rest;
    split(a, divisor, whole, rest);
    if (rest.constant()) return whole;  // in [0, divisor), so its quotient is 0
    // A factor g of all coefficients and of the divisor cancels: floor((g*x + k) / (g*c)) = floor((x + floor(k/g)) /
    // c).
    Int shared = divisor;
    for (const Term& term : terms(rest)) {
      if (!term.atoms.empty()) shared = std::gcd(shared, term.coefficient);
    }
    if (shared > 1) {
      Terms reduced;
      for (const Term& term : terms(rest)) {
        if (Int c = floor_quotient(term.coefficient, shared)) reduced.push_back({term.atoms, c});
      }
      rest = make(std::move(reduced));
      divisor /= shared;
      return whole + (divisor == 1 ? rest : floor_by(rest, divisor));
    }
    // Nested divisions join: floor((floor(x / a) + k) / b) = floor((x + k*a) / (a*b)) for a, b > 0. Chains of strided
    // convolutions and pools become one division in this way.
    const Term& top = terms(rest)[0];
    bool only = terms(rest).size() == 1 || (terms(rest).size() == 2 && terms(rest)[1].atoms.empty());
    if (only && top.coefficient == 1 && top.atoms.size() == 1 && top.atoms[0]->kind == Expr::Kind::floor_div) {
      auto inner = top.atoms[0]->b.constant();
      auto both = inner ? checked_mul(*inner, divisor) : std::nullopt;
      if (both && *inner > 0) {
        Expr offset = terms(rest).size() == 2 ? Expr(terms(rest)[1].coefficient) * Expr(*inner) : Expr(0);
        return whole + floor_by(top.atoms[0]->a + offset, *both);
      }
    }
    return whole + opaque(Expr::Kind::floor_div, rest, divisor);
  }

  // True if no assignment makes the size 1: it is at least 2, it is another constant, or all its coefficients share a
  // factor g and its constant term is not 1 modulo g. In a broadcast such a size decides the result.
  static bool never_one(const Expr& size) {
    if ((size - Expr(2)).known_non_negative()) return true;
    Int shared = 0, rest = 0;
    for (const Term& term : terms(size)) {
      if (term.atoms.empty()) rest = term.coefficient;
      else shared = std::gcd(shared, term.coefficient);
    }
    return shared == 0 ? rest != 1 : shared > 1 && floor_remainder(rest, shared) != 1;
  }

  // True if `size` is min(whole, limit) with a limit that is never 1: the length of a prefix of `whole`. If such a
  // prefix broadcasts with all of `whole`, either they are equal or the run fails.
  static bool is_prefix(const Expr& size, const Expr& whole) {
    const Terms& list = terms(size);
    bool only = list.size() == 1 && list[0].coefficient == 1 && list[0].atoms.size() == 1;
    if (!only || list[0].atoms[0]->kind != Expr::Kind::min) return false;
    const Expr &a = list[0].atoms[0]->a, &b = list[0].atoms[0]->b;
    return (a == whole && never_one(b)) || (b == whole && never_one(a));
  }

  // Appends the operands of a nested broadcast, flattened and each once; any other size is its own single operand.
  static void broadcast_operands(const Expr& size, std::vector<Expr>& all) {
    const Terms& list = terms(size);
    bool only = list.size() == 1 && list[0].coefficient == 1 && list[0].atoms.size() == 1;
    if (only && list[0].atoms[0]->kind == Expr::Kind::broadcast) {
      broadcast_operands(list[0].atoms[0]->a, all);
      broadcast_operands(list[0].atoms[0]->b, all);
    } else if (std::find(all.begin(), all.end(), size) == all.end()) {
      all.push_back(size);
    }
  }

  // Sound, not complete: a product of non-negative atoms with positive coefficients is non-negative.
  static bool atom_non_negative(const Atom& atom) {
    switch (atom.kind) {
      case Expr::Kind::symbol: return true;
      case Expr::Kind::floor_div:
      case Expr::Kind::ceil_div: return atom.a.known_non_negative() && atom.b.known_non_negative();
      case Expr::Kind::mod: return atom.b.known_non_negative();
      case Expr::Kind::min:
      case Expr::Kind::broadcast: return atom.a.known_non_negative() && atom.b.known_non_negative();
      default: return atom.a.known_non_negative() || atom.b.known_non_negative();
    }
  }
};

namespace {
using M = ExprMaker;
bool either_overflowed(const Expr& a, const Expr& b) { return M::overflowed(a) || M::overflowed(b); }
}  // namespace

// Constants and symbols are made without ExprMaker::make's limits: neither can overflow, so every chain of operations
// starts from valid operands.
Expr::Expr(std::int64_t constant) {
  Node node{{}, false, std::to_string(constant)};
  if (constant != 0) node.terms.push_back({{}, constant});
  node_ = std::make_shared<const Node>(std::move(node));
}

Expr Expr::symbol(std::string name) {
  std::string text = expr_identifier(name);
  return M::of_atom({Kind::symbol, std::move(name), 0, 0, std::move(text)});
}

Expr Expr::overflow() { return M::overflow(); }
bool Expr::overflowed() const { return node_->overflow; }

std::optional<std::int64_t> Expr::constant() const {
  if (node_->overflow || node_->terms.size() > 1) return std::nullopt;
  if (node_->terms.empty()) return 0;
  return node_->terms[0].atoms.empty() ? std::optional(node_->terms[0].coefficient) : std::nullopt;
}

std::optional<std::string> Expr::symbol_name() const {
  if (node_->terms.size() != 1) return std::nullopt;
  const Term& term = node_->terms[0];
  if (term.coefficient != 1 || term.atoms.size() != 1 || term.atoms[0]->kind != Kind::symbol) return std::nullopt;
  return term.atoms[0]->symbol;
}

Expr operator+(const Expr& a, const Expr& b) { return either_overflowed(a, b) ? M::overflow() : M::sum(a, b); }
Expr operator-(const Expr& a, const Expr& b) { return a + Expr(-1) * b; }
Expr operator*(const Expr& a, const Expr& b) { return either_overflowed(a, b) ? M::overflow() : M::product(a, b); }

Expr floor_div(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b) || b.is(0)) return M::overflow();
  if (auto divisor = b.constant()) {
    if (*divisor == std::numeric_limits<Int>::min()) return M::overflow();
    return *divisor > 0 ? M::floor_by(a, *divisor) : floor_div(Expr(-1) * a, Expr(-*divisor));
  }
  if (auto quotient = M::exact_quotient(a, b)) return *quotient;
  return M::opaque(Expr::Kind::floor_div, a, b);
}

// By a constant d > 0 a ceiling is a floor, ceil(x / d) = floor((x + d - 1) / d), so that only floors become atoms
// there.
Expr ceil_div(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b) || b.is(0)) return M::overflow();
  if (auto divisor = b.constant()) {
    if (*divisor == std::numeric_limits<Int>::min()) return M::overflow();
    if (*divisor < 0) return ceil_div(Expr(-1) * a, Expr(-*divisor));
    Expr whole, rest;
    M::split(a, *divisor, whole, rest);
    return whole + floor_div(rest + Expr(*divisor - 1), b);
  }
  if (auto quotient = M::exact_quotient(a, b)) return *quotient;
  return M::opaque(Expr::Kind::ceil_div, a, b);
}

// Floor modulo, as Python's and ONNX's Mod without fmod: the result has the sign of the divisor.
Expr mod(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b) || b.is(0)) return M::overflow();
  if (auto divisor = b.constant()) {
    if (*divisor == std::numeric_limits<Int>::min()) return M::overflow();
    if (*divisor < 0) return Expr(-1) * mod(Expr(-1) * a, Expr(-*divisor));
    Expr whole, rest;
    M::split(a, *divisor, whole, rest);
    return rest.constant() ? rest : M::opaque(Expr::Kind::mod, rest, b);
  }
  if (M::exact_quotient(a, b)) return 0;
  return M::opaque(Expr::Kind::mod, a, b);
}

// Commutative: an atom's operands are sorted by their text, so that min(a, b) and min(b, a) are one form.
Expr min(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b)) return M::overflow();
  if ((b - a).known_non_negative()) return a;
  if ((a - b).known_non_negative()) return b;
  return a.text() < b.text() ? M::opaque(Expr::Kind::min, a, b) : M::opaque(Expr::Kind::min, b, a);
}

Expr max(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b)) return M::overflow();
  if ((a - b).known_non_negative()) return a;
  if ((b - a).known_non_negative()) return b;
  return a.text() < b.text() ? M::opaque(Expr::Kind::max, a, b) : M::opaque(Expr::Kind::max, b, a);
}

// A broadcast of several sizes is a set: each operand once, sorted by text. Without that normal form the size of a
// residual stream that is added to the same mask in every layer would grow with each layer.
Expr broadcast(const Expr& a, const Expr& b) {
  if (either_overflowed(a, b)) return M::overflow();
  if (a == b || b.is(1)) return a;
  if (a.is(1)) return b;
  auto x = a.constant(), y = b.constant();
  if (x && y) return M::overflow();
  // A size that cannot be 1 is the result: the other one is equal, or 1, or the run fails.
  if (M::never_one(a)) return a;
  if (M::never_one(b)) return b;
  std::vector<Expr> operands, all;
  M::broadcast_operands(a, operands);
  M::broadcast_operands(b, operands);
  // A prefix of n (a slice of at most 7 of n rows, say) that broadcasts with n is all of n, or the run fails.
  std::copy_if(operands.begin(), operands.end(), std::back_inserter(all), [&](const Expr& size) {
    return std::none_of(operands.begin(), operands.end(), [&](const Expr& whole) { return M::is_prefix(size, whole); });
  });
  std::sort(all.begin(), all.end(), [](const Expr& p, const Expr& q) { return p.text() < q.text(); });
  Expr size = all.back();
  for (std::size_t i = all.size() - 1; i-- > 0;) size = M::opaque(Expr::Kind::broadcast, all[i], size);
  return size;
}

bool operator==(const Expr& a, const Expr& b) { return !either_overflowed(a, b) && a.node_->text == b.node_->text; }

bool Expr::known_non_negative() const {
  if (node_->overflow) return false;
  return std::all_of(node_->terms.begin(), node_->terms.end(), [](const Term& term) {
    return term.coefficient > 0 && std::all_of(term.atoms.begin(), term.atoms.end(),
                                               [](const AtomRef& atom) { return M::atom_non_negative(*atom); });
  });
}

bool Expr::known_positive() const { return !node_->overflow && (*this - Expr(1)).known_non_negative(); }

std::string Expr::text() const { return node_->text; }

std::string Expr::brief() const {
  constexpr std::size_t most = 40;  // characters
  const std::string& whole = node_->text;
  return whole.size() <= most ? whole : whole.substr(0, most - 1) + "…";
}

// Rebuilt from the leaves by the operators themselves, so that the result is in normal form: a symbol that becomes a
// number lets atoms around it fold.
Expr Expr::substitute(const std::function<std::optional<Expr>(const std::string&)>& value) const {
  if (node_->overflow) return *this;
  Expr sum;
  for (const Term& term : node_->terms) {
    Expr product = term.coefficient;
    for (const AtomRef& atom : term.atoms) {
      if (atom->kind == Kind::symbol) {
        auto found = value(atom->symbol);
        product = product * (found ? *found : M::of_term({{atom}, 1}));
      } else {
        product = product * make(atom->kind, atom->a.substitute(value), atom->b.substitute(value));
      }
    }
    sum = sum + product;
  }
  return sum;
}

Expr Expr::make(Kind kind, const Expr& a, const Expr& b) {
  switch (kind) {
    case Kind::add: return a + b;
    case Kind::mul: return a * b;
    case Kind::floor_div: return graph::floor_div(a, b);
    case Kind::ceil_div: return graph::ceil_div(a, b);
    case Kind::mod: return graph::mod(a, b);
    case Kind::min: return graph::min(a, b);
    case Kind::max: return graph::max(a, b);
    default: return graph::broadcast(a, b);
  }
}

// One level of the tree that consumers walk: a sum of terms, a product of a coefficient and atoms, or an atom itself.
Expr::View Expr::view() const {
  if (node_->overflow) return {Kind::symbol, 0, "overflow", {}};
  if (auto number = constant()) return {Kind::constant, *number, {}, {}};
  if (node_->terms.size() > 1) {
    View view{Kind::add, 0, {}, {}};
    for (const Term& term : node_->terms) view.operands.push_back(M::of_term(term));
    return view;
  }
  const Term& term = node_->terms[0];
  if (term.coefficient == 1 && term.atoms.size() == 1) {
    const Atom& atom = *term.atoms[0];
    if (atom.kind == Kind::symbol) return {Kind::symbol, 0, atom.symbol, {}};
    return {atom.kind, 0, {}, {atom.a, atom.b}};
  }
  View view{Kind::mul, 0, {}, {}};
  if (term.coefficient != 1) view.operands.push_back(term.coefficient);
  for (const AtomRef& atom : term.atoms) view.operands.push_back(M::of_term({{atom}, 1}));
  return view;
}

}  // namespace modelctl::graph
