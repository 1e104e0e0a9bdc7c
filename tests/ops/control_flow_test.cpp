// Control flow from a graph's text to its outputs: inference through bodies, every optimization level, the artifact,
// the run.
#include "sessions.hpp"

namespace modelctl::test {
namespace {

Tensor f(Dims dims, std::initializer_list<float> values) { return Tensor::of<float>(DType::f32, dims, values); }
Tensor n(std::int64_t value) { return Tensor::scalar(DType::i64, value); }
Tensor b(bool value) { return Tensor::scalar(DType::boolean, value); }

const std::string branching = R"(graph "g" {
  input c: bool[]
  input x: f32[batch,2]
  const w: f32[2] = [1.0, 2.0]
  before = Neg(x)
  y = If(c) {then_branch: graph "then" {
    a = Mul(before, w)
    output a
  }, else_branch: graph "else" {
    output x
  }}
  z = Add(y, y)
  output z
})";

TEST_CASE("a branch computes with what it captures, and the other may be a captured value itself") {
  CHECK(type_of_output(branching) == "f32[batch,2]");
  Tensor x = f({1, 2}, {1, 2}), wide = f({2, 2}, {1, 2, 3, 4});
  check(branching, {{{b(true), x}, {f({1, 2}, {-2, -8})}},
                    {{b(false), x}, {f({1, 2}, {2, 4})}},
                    {{b(true), wide}, {f({2, 2}, {-2, -8, -6, -16})}},
                    {{b(false), x}, {f({1, 2}, {2, 4})}}});
}

TEST_CASE("a captured value may be of sizes that are arithmetic") {
  const std::string text = R"(graph "g" {
  input c: bool[]
  input x: f32[batch,2]
  twice = Concat(x, x) {axis: 0}
  y = If(c) {then_branch: graph "then" {
    a = Add(twice, twice)
    output a
  }, else_branch: graph "else" {
    output twice
  }}
  output y
})";
  Tensor x = f({1, 2}, {1, 2});
  check(text, {{{b(true), x}, {f({2, 2}, {2, 4, 2, 4})}}, {{b(false), x}, {f({2, 2}, {1, 2, 1, 2})}}});
}

TEST_CASE("branches of different sizes and ranks leave the size or the rank to the run") {
  const std::string sizes = R"(graph "g" {
  input c: bool[]
  input x: f32[2]
  y = If(c) {then_branch: graph "then" {
    a = Concat(x, x) {axis: 0}
    output a
  }, else_branch: graph "else" {
    output x
  }}
  z = Neg(y)
  output z
})";
  CHECK(type_of_output(sizes) == "f32[unknown_1]");
  Tensor x = f({2}, {1, 2});
  check(sizes, {{{b(true), x}, {f({4}, {-1, -2, -1, -2})}}, {{b(false), x}, {f({2}, {-1, -2})}}});
  const std::string ranks = R"(graph "g" {
  input c: bool[]
  input x: f32[2]
  const s: i64[2] = [2, 1]
  y = If(c) {then_branch: graph "then" {
    a = Reshape(x, s)
    output a
  }, else_branch: graph "else" {
    output x
  }}
  z = Neg(y)
  k = Shape(z)
  output z
  output k
})";
  CHECK(type_of_output(ranks) == "f32[?]");
  Tensor of_two = Tensor::of<std::int64_t>(DType::i64, {2}, {2, 1}),
         of_one = Tensor::of<std::int64_t>(DType::i64, {1}, {2});
  check(ranks, {{{b(true), x}, {f({2, 1}, {-1, -2}), of_two}}, {{b(false), x}, {f({2}, {-1, -2}), of_one}}});
}

TEST_CASE("a carried value keeps the sizes that no iteration changes, and what is stacked has as many as there are") {
  const std::string text = R"(graph "g" {
  input x: f32[batch,2]
  const m: i64[] = [3]
  const go: bool[] = [true]
  y, all = Loop(m, go, x) {body: graph "body" {
    input i: i64[]
    input keep: bool[]
    input v: f32[?]
    next = Add(v, x)
    output keep
    output next
    output next
  }}
  output y
  output all
})";
  CHECK(type_of_output(text, 0) == "f32[batch,2]");
  CHECK(type_of_output(text, 1).substr(0, 6) == "f32[3,");
  check(text, {{{f({1, 2}, {1, 2})}, {f({1, 2}, {4, 8}), f({3, 1, 2}, {2, 4, 3, 6, 4, 8})}}});
}

TEST_CASE("a carried value that grows has a dynamic size, and one that changes rank has an unknown rank") {
  auto growing = [](const char* change) {
    return std::string(R"(graph "g" {
  input x: f32[1,2]
  input m: i64[]
  const axis: i64[1] = [0]
  y = Loop(m, _, x) {body: graph "body" {
    input i: i64[]
    input keep: bool[]
    input v: f32[1,2]
    next = )") +
           change + R"(
    output keep
    output next
  }}
  output y
})";
  };
  std::string longer = growing("Concat(v, x) {axis: 0}"), deeper = growing("Unsqueeze(v, axis)");
  CHECK(type_of_output(longer).substr(0, 11) == "f32[unknown");
  CHECK(type_of_output(longer).find(",2]") != std::string::npos);
  CHECK(type_of_output(deeper) == "f32[?]");
  Tensor x = f({1, 2}, {1, 2});
  check(longer,
        {{{x, n(2)}, {f({3, 2}, {1, 2, 1, 2, 1, 2})}}, {{x, n(0)}, {x}}, {{x, n(1)}, {f({2, 2}, {1, 2, 1, 2})}}});
  check(deeper, {{{x, n(2)}, {f({1, 1, 1, 2}, {1, 2})}}, {{x, n(0)}, {x}}});
}

TEST_CASE("loops nest, and a condition of the inner one may come from the outer one") {
  const std::string text = R"(graph "g" {
  input x: f32[1]
  input m: i64[]
  y = Loop(m, _, x) {body: graph "outer" {
    input i: i64[]
    input keep: bool[]
    input v: f32[1]
    w = Loop(i, _, v) {body: graph "inner" {
      input j: i64[]
      input stay: bool[]
      input u: f32[1]
      t = Add(u, x)
      output stay
      output t
    }}
    output keep
    output w
  }}
  output y
})";
  CHECK(type_of_output(text) == "f32[1]");
  check(text, {{{f({1}, {1}), n(4)}, {f({1}, {7})}}, {{f({1}, {2}), n(0)}, {f({1}, {2})}}});
}

TEST_CASE("sequences travel through loops and branches") {
  const std::string text = R"(graph "g" {
  input x: f32[2]
  input m: i64[]
  const none: i64[] = [0]
  s = SequenceEmpty()
  t = Loop(m, _, s) {body: graph "body" {
    input i: i64[]
    input keep: bool[]
    input so_far: sequence<f32[?]>
    item = Mul(x, x)
    next = SequenceInsert(so_far, item)
    output keep
    output next
  }}
  count = SequenceLength(t)
  some = Greater(count, none)
  y = If(some) {then_branch: graph "then" {
    first = SequenceAt(t, none)
    output first
  }, else_branch: graph "else" {
    output x
  }}
  output y
  output count
})";
  Tensor x = f({2}, {3, 4});
  check(text, {{{x, n(2)}, {f({2}, {9, 16}), n(2)}}, {{x, n(0)}, {x, n(0)}}});
}

TEST_CASE("a condition that inference knows leaves no If behind") {
  auto graph = compiled(R"(graph "g" {
  input x: f32[batch,3]
  const axis: i64[] = [1]
  const three: i64[] = [3]
  s = Shape(x)
  size = Gather(s, axis)
  is = Equal(size, three)
  y = If(is) {then_branch: graph "then" {
    a = Relu(x)
    output a
  }, else_branch: graph "else" {
    a = Neg(x)
    output a
  }}
  output y
})",
                        1);
  REQUIRE(graph->nodes().size() == 1);
  CHECK(graph->nodes().front()->op == "Relu");
}

TEST_CASE("a loop without an end is an error, not a hang") {
  const std::string text = R"(graph "g" {
  input x: f32[1]
  input go: bool[]
  y = Loop(_, go, x) {body: graph "body" {
    input i: i64[]
    input keep: bool[]
    input v: f32[1]
    output keep
    output v
  }}
  output y
})";
  runtime::Session session(model_of(text, 2), alone, {.iterations = 1000});
  auto outputs = run(session, {f({1}, {1}), b(true)});
  REQUIRE(!outputs);
  CHECK(outputs.error().code == "iteration-limit");
  CHECK(run(session, {f({1}, {1}), b(false)}).has_value());
}

TEST_CASE("control flow that can never be valid is refused at build time") {
  auto fault = [](const std::string& text) {
    auto parsed = graph::parse_text(text);
    REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().what));
    auto done = passes::run_pipeline(**parsed, {});
    return done ? std::string("nothing") : message_of(done.error());
  };
  CHECK(fault(R"(graph "g" {
  input c: bool[]
  input x: f32[2]
  y = If(c) {then_branch: graph "t" { output x }, else_branch: graph "e" { output c }}
  output y
})") == "cannot use If: a value would be f32[2] or bool[]");
  CHECK(fault(R"(graph "g" {
  input m: i64[]
  input x: f32[2]
  y = Loop(m, _, x) {body: graph "b" { input i: i64[] output i output x }}
  output y
})") == "cannot use Loop: its body takes an iteration number, a condition and what is carried");
  CHECK(fault(R"(graph "g" {
  input m: i64[]
  input x: f32[2]
  y = Loop(m, _, x) {body: graph "b" { input i: i64[] input k: bool[] input v: f32[2] output k output i }}
  output y
})") == "cannot use Loop: a value that it carries is f32[2] at first, then i64[]");
  CHECK(fault(R"(graph "g" {
  input m: i64[]
  input x: sequence<f32[2]>
  y = Loop(m, _, x) {body: graph "b" { input i: i64[] input k: bool[] input v: sequence<f32[2]>
    w = SequenceConstruct(i)
    output k output w }}
  output y
})") == "cannot use Loop: a value that it carries is sequence<f32[2]> at first, then sequence<i64[]>");
  CHECK(fault(R"(graph "g" {
  input x: sequence<f32[2]>
  input axes: i64[1]
  y = Unsqueeze(x, axes)
  output y
})") == "cannot use Unsqueeze: it takes no sequence");
}

}  // namespace
}  // namespace modelctl::test
