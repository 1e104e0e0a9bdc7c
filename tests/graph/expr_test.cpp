// Symbolic expressions: simplification, equality, limits, and a property test against plain integer arithmetic.
#include "graph/expr.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <random>

namespace modelctl::graph {
namespace {

const Expr batch = Expr::symbol("batch"), h = Expr::symbol("h"), n = Expr::symbol("n");

TEST_CASE("equal polynomials are equal and print alike") {
  CHECK(batch * 12 + 1 == Expr(1) + batch * 3 * 4);
  CHECK((batch * 12 + 1).text() == "batch*12+1");
  CHECK(((batch + 1) * (batch - 1)).text() == "batch*batch-1");
  CHECK((batch - batch).is(0));
  CHECK(batch != h);
}

TEST_CASE("division cancels what divides") {
  CHECK(floor_div(batch * 12 + batch * 4, 16) == batch);
  CHECK(floor_div(batch * h * 64, batch * h) == 64);
  CHECK(floor_div((h + 1) * (n + 2), h + 1) == n + 2);
  CHECK(floor_div(h * 4 + 6, 4) == h + 1);
  CHECK(mod(h * 4 + 6, 4) == 2);
  CHECK(mod(batch * h, h) == 0);
}

TEST_CASE("all ways to write half of a size are equal") {
  CHECK(ceil_div(h, 2) == floor_div(h + 1, 2));
  CHECK(floor_div(h - 1, 2) + 1 == ceil_div(h, 2));
  CHECK(floor_div(floor_div(h, 2), 2) == floor_div(h, 4));
  CHECK(ceil_div(h, 2).text() == "floor_div(h+1,2)");
}

TEST_CASE("minima and maxima of what is ordered are decided") {
  CHECK(max(0, n) == n);
  CHECK(min(n + 3, n) == n);
  CHECK(max(0, n - 3).text() == "max(0,n-3)");
  CHECK(max(0, n - 3).known_non_negative());
}

TEST_CASE("a broadcast is either of two equal sizes, the other of 1, or a size that cannot be 1") {
  CHECK(broadcast(n, n) == n);
  CHECK(broadcast(1, n) == n);
  CHECK(broadcast(n, 1) == n);
  CHECK(broadcast(n, 7) == 7);
  CHECK(broadcast(0, n) == 0);
  CHECK(broadcast(n, h + 2) == h + 2);
  CHECK(broadcast(n, floor_div(h + 1, 2) * 2) == floor_div(h + 1, 2) * 2);
  CHECK(broadcast(n, h * 2 + 1).text() == "broadcast(h*2+1,n)");
  CHECK(broadcast(min(100, n), n) == n);
  CHECK(broadcast(min(1, n), n).text() == "broadcast(min(1,n),n)");
  CHECK(broadcast(n, h).text() == "broadcast(h,n)");
  CHECK(broadcast(2, 3).overflowed());
  CHECK(broadcast(n, h).known_non_negative());
}

TEST_CASE("a broadcast contains each size once, in any order of operands") {
  Expr met = broadcast(n, broadcast(batch, h));
  CHECK(met.text() == "broadcast(batch,broadcast(h,n))");
  CHECK(broadcast(met, broadcast(h, batch)) == met);
  CHECK(*Expr::parse(met.text()) == met);
  auto one = [](const std::string& symbol) { return symbol == "n" ? std::optional(Expr(1)) : std::nullopt; };
  CHECK(met.substitute(one).text() == "broadcast(batch,h)");
}

TEST_CASE("signs are known only if they are certain") {
  CHECK(n.known_non_negative());
  CHECK_FALSE(n.known_positive());
  CHECK((n + 1).known_positive());
  CHECK_FALSE((n - 1).known_non_negative());
  CHECK((Expr(2) * n * h + floor_div(h, 2)).known_non_negative());
}

TEST_CASE("a result beyond 64 bits is overflow, which equals nothing") {
  Expr large = Expr(std::numeric_limits<std::int64_t>::max());
  CHECK_FALSE(large.overflowed());
  CHECK((large + 1).overflowed());
  CHECK((large * large).overflowed());
  CHECK_FALSE(large + 1 == large + 1);
  CHECK(floor_div(n, 0).overflowed());
  CHECK_FALSE((large + 1).constant());
  CHECK((Expr(std::numeric_limits<std::int64_t>::min()) * n).overflowed());
}

TEST_CASE("an expression that grows without end becomes overflow") {
  Expr grown = n;
  for (int i = 0; i < 200; ++i) grown = floor_div(grown * grown + h, Expr(3) + grown);
  CHECK(grown.overflowed());
}

TEST_CASE("a symbol with any name is read back") {
  for (const char* name :
       {"past_sequence_length + 1", "", "max", "broadcast", "overflow", "a\"b\\", "\xc3\xa4", "7up"}) {
    Expr symbol = Expr::symbol(name);
    auto read = Expr::parse((symbol * 2 + 1).text());
    REQUIRE(read);
    CHECK(*read == symbol * 2 + 1);
  }
}

TEST_CASE("a text that is not an expression is refused") {
  for (const char* text : {"", "+", "1+", "max(1)", "max(1,2", "9223372036854775808", "a b", "(a", "\"a"}) {
    CAPTURE(text);
    CHECK_FALSE(Expr::parse(text));
  }
  CHECK_FALSE(Expr::parse(std::string(100, '(') + "1" + std::string(100, ')')));
}

TEST_CASE("the smallest integer is read back") {
  Expr least(std::numeric_limits<std::int64_t>::min());
  CHECK(Expr::parse(least.text()) == least);
}

TEST_CASE("substitution computes") {
  Expr value = max(floor_div(h + 1, 2) * n, mod(h, 3));
  auto known = value.substitute([](const std::string& name) -> std::optional<Expr> {
    if (name == "h") return Expr(7);
    return std::nullopt;
  });
  CHECK(known == max(n * 4, 1));
}

// One random expression, built both as an Expr and as the number that plain arithmetic gives.
struct Both {
  Expr expr;
  std::int64_t number;
};

std::int64_t floor_of(std::int64_t a, std::int64_t b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0)) ? 1 : 0); }

Both random_both(std::mt19937& random, const std::map<std::string, std::int64_t>& values, int depth) {
  auto pick = [&](int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); };
  if (depth == 0 || pick(5) == 0) {
    if (pick(2) == 0) {
      std::int64_t number = pick(13) - 4;
      return {number, number};
    }
    auto at = values.begin();
    std::advance(at, pick(static_cast<int>(values.size())));
    return {Expr::symbol(at->first), at->second};
  }
  Both a = random_both(random, values, depth - 1), b = random_both(random, values, depth - 1);
  switch (pick(8)) {
    case 0: return {a.expr + b.expr, a.number + b.number};
    case 1: return {a.expr - b.expr, a.number - b.number};
    case 2: return {a.expr * b.expr, a.number * b.number};
    case 3: return {min(a.expr, b.expr), std::min(a.number, b.number)};
    case 4: return {max(a.expr, b.expr), std::max(a.number, b.number)};
    case 5:
      if (b.number != 0) return {floor_div(a.expr, b.expr), floor_of(a.number, b.number)};
      return a;
    case 6:
      if (b.number != 0) return {ceil_div(a.expr, b.expr), -floor_of(-a.number, b.number)};
      return a;
    default:
      if (b.number != 0) return {mod(a.expr, b.expr), a.number - b.number * floor_of(a.number, b.number)};
      return a;
  }
}

TEST_CASE("random expressions compute what plain arithmetic computes") {
  unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::map<std::string, std::int64_t> values;
    for (const char* name : {"a", "b", "c"}) values[name] = 1 + static_cast<std::int64_t>(random() % 9);
    Both both = random_both(random, values, 4);
    if (both.expr.overflowed()) continue;
    std::string text = both.expr.text();
    CAPTURE(text);
    auto value = [&](const std::string& name) -> std::optional<Expr> { return Expr(values.at(name)); };
    CHECK(both.expr.substitute(value).constant() == both.number);
    CHECK(Expr::parse(text) == both.expr);
    if (both.expr.known_positive()) CHECK(both.number > 0);
    if (both.expr.known_non_negative()) CHECK(both.number >= 0);
  }
}

}  // namespace
}  // namespace modelctl::graph
