// The types of a node's inputs against its operator's schema, before anything runs.
#include "ops/schema/formals.hpp"
#include "sessions.hpp"

#include <set>

namespace modelctl::test {
namespace {

// What inference tells of y = NODE.
std::string refusal(const std::string& node) {
  auto graph = graph::parse_text(R"(graph "g" {
  input x: f32[2]
  input d: f64[2]
  input i: i64[2]
  input s: i32[2]
  input c: bool[2]
  y = )" + node + "\n  output y\n}");
  REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().where + graph.error().what));
  auto done = ops::infer(**graph);
  return done ? "" : done.error().what;
}

TEST_CASE("an input that must have the type of another one is refused if it has not") {
  CHECK(refusal("Add(x, x)").empty());
  CHECK(refusal("Add(x, d)") == "cannot use Add: input 1, 'B', must be of the type of 'A', f32, and not f64");
  CHECK(refusal("Where(c, x, d)") == "cannot use Where: input 2, 'Y', must be of the type of 'X', f32, and not f64");
  CHECK(refusal("Concat(x, x, d) {axis: 0}") ==
        "cannot use Concat: input 2, 'inputs', must be of the type of 'inputs', f32, and not f64");
}

TEST_CASE("an input that may have some types is refused if it has another") {
  CHECK(refusal("Gather(x, i)").empty());
  CHECK(refusal("Gather(x, x)") == "cannot use Gather: input 1, 'indices', must be of type i32 i64, and not f32");
  CHECK(refusal("Reshape(x, s)") == "cannot use Reshape: input 1, 'shape', must be of type i64, and not i32");
  CHECK(refusal("com.microsoft::MatMulNBits(x, x, x) {K: 2, N: 1, block_size: 16}") ==
        "cannot use com.microsoft::MatMulNBits: input 1, 'B', must be of type u8, and not f32");
}

TEST_CASE("an absent input does not constrain the types of others") {
  CHECK(refusal("Clip(x, _, x)").empty());
  CHECK(refusal("Clip(x, _, d)") ==
        "cannot use Clip: input 2, 'max', must be of the type of 'input', f32, and not f64");
}

TEST_CASE("a formal parameter may be optional, variadic, or both") {
  std::string_view list = "X B?:X rest?*";
  auto x = ops::take_formal(list), b = ops::take_formal(list), rest = ops::take_formal(list);
  CHECK_FALSE((x->optional || x->rest));
  CHECK((b->optional && b->name == "B" && b->types == "X"));
  CHECK((rest->optional && rest->rest && rest->name == "rest"));
  CHECK_FALSE(ops::take_formal(list).has_value());
}

TEST_CASE("the types of every operator's inputs are types, or inputs before them") {
  for (const ops::OpDef* def : ops::table()) {
    INFO(ops::qualified(def->domain, def->name));
    std::set<std::string_view> names;
    std::string_view list = def->inputs;
    while (auto formal = ops::take_formal(list)) {
      CHECK(names.insert(formal->name).second);
      // A word that is neither stops the program here.
      if (!formal->types.empty() && names.count(formal->types) == 0) CHECK_FALSE(ops::Types(formal->types).none());
    }
  }
}

}  // namespace
}  // namespace modelctl::test
