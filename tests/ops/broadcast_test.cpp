// Broadcasts of sizes with different names: each call of a session decides again which of them is stretched.
#include "sessions.hpp"

namespace modelctl::test {
namespace {

Tensor f(Dims dims, std::initializer_list<float> values) { return Tensor::of<float>(DType::f32, dims, values); }

// The run of a text at this level, on these inputs, fails; what it tells.
std::string refusal(const std::string& text, int level, const std::vector<Tensor>& inputs) {
  runtime::Session session(model_of(text, level), alone);
  auto outputs = run(session, inputs);
  REQUIRE_FALSE(outputs.has_value());
  auto line = [](const Error& error) { return error.what + (error.why.empty() ? "" : ": " + error.why.front()); };
  std::string messages = line(outputs.error());
  for (const Error& each : outputs.error().faults) messages += "\n" + line(each);
  return messages;
}

const std::string sum = R"(graph "g" {
  input a: f32[m,2]
  input b: f32[n,2]
  y = Add(a, b)
  output y
})";

const Tensor one = f({1, 2}, {1, 2}), two = f({2, 2}, {10, 20, 30, 40});

TEST_CASE("either of two sizes of different names may be the one that is stretched, from call to call") {
  CHECK(type_of_output(sum) == "f32[broadcast(m,n),2]");
  check(sum, {{{one, two}, {f({2, 2}, {11, 22, 31, 42})}},
              {{two, one}, {f({2, 2}, {11, 22, 31, 42})}},
              {{two, two}, {f({2, 2}, {20, 40, 60, 80})}},
              {{one, one}, {f({1, 2}, {2, 4})}},
              {{f({0, 2}, {}), one}, {f({0, 2}, {})}}});
}

TEST_CASE("sizes that do not broadcast are refused at every level") {
  Tensor three = f({3, 2}, {1, 2, 3, 4, 5, 6});
  for (int level : {0, 1, 2}) {
    CHECK(refusal(sum, level, {two, three}) ==
          "cannot run the model: dimension 0 of 'y' cannot be computed: sizes 2 and 3 meet there and do not broadcast");
    CHECK(refusal(sum, level, {f({0, 2}, {}), two}) ==
          "cannot run the model: dimension 0 of 'y' cannot be computed: sizes 0 and 2 meet there and do not broadcast");
  }
}

TEST_CASE("chains of functions after each other, in place and not, follow what the sizes are") {
  const std::string text = R"(graph "g" {
  input a: f32[m,2]
  input b: f32[n,2]
  input c: f32[p,2]
  s = Relu(a)
  t = Add(s, b)
  u = Mul(t, c)
  v = Sub(u, s)
  y = Neg(v)
  output y
})";
  CHECK(type_of_output(text) == "f32[broadcast(m,broadcast(n,p)),2]");
  check(text, {{{one, two, one}, {f({2, 2}, {-10, -42, -30, -82})}},
               {{two, one, one}, {f({2, 2}, {-1, -24, -1, -44})}},
               {{one, one, two}, {f({2, 2}, {-19, -78, -59, -158})}},
               {{one, one, one}, {f({1, 2}, {-1, -6})}},
               {{two, two, two}, {f({2, 2}, {-190, -780, -1770, -3160})}}});
}

TEST_CASE("a product's bias and residual of another name's size are added to what they broadcast to") {
  const std::string text = R"(graph "g" {
  input x: f32[m,2]
  input r: f32[n,2]
  const w: f32[2,2] = [1.0, 0.0, 0.0, 1.0]
  p = MatMul(x, w)
  q = Add(p, r)
  y = Relu(q)
  output y
})";
  check(text, {{{one, two}, {f({2, 2}, {11, 22, 31, 42})}},
               {{two, one}, {f({2, 2}, {11, 22, 31, 42})}},
               {{two, two}, {f({2, 2}, {20, 40, 60, 80})}}});
}

TEST_CASE("Where picks among three of them") {
  const std::string text = R"(graph "g" {
  input c: bool[m,1]
  input a: f32[n,2]
  input b: f32[p,2]
  y = Where(c, a, b)
  output y
})";
  auto truth = [](std::initializer_list<bool> values) {
    return Tensor::of<bool>(DType::boolean, {static_cast<std::int64_t>(values.size()), 1}, values);
  };
  check(text, {{{truth({true, false}), one, one}, {f({2, 2}, {1, 2, 1, 2})}},
               {{truth({true, false}), two, one}, {f({2, 2}, {10, 20, 1, 2})}},
               {{truth({false}), one, two}, {two}},
               {{truth({true}), one, one}, {one}}});
}

TEST_CASE("the batches of two products broadcast") {
  const std::string text = R"(graph "g" {
  input a: f32[m,1,2]
  input b: f32[n,2,1]
  y = MatMul(a, b)
  output y
})";
  CHECK(type_of_output(text) == "f32[broadcast(m,n),1,1]");
  Tensor row = f({1, 1, 2}, {1, 2}), rows = f({2, 1, 2}, {1, 2, 3, 4});
  Tensor column = f({1, 2, 1}, {5, 6}), columns = f({2, 2, 1}, {5, 6, 7, 8});
  check(text, {{{row, columns}, {f({2, 1, 1}, {17, 23})}},
               {{rows, column}, {f({2, 1, 1}, {17, 39})}},
               {{rows, columns}, {f({2, 1, 1}, {17, 53})}},
               {{row, column}, {f({1, 1, 1}, {17})}}});
  CHECK(refusal(text, 2, {rows, f({3, 2, 1}, {1, 2, 3, 4, 5, 6})}).find("sizes 2 and 3 meet there") !=
        std::string::npos);
}

TEST_CASE("Expand stretches what it expands, or its target") {
  const std::string text = R"(graph "g" {
  input a: f32[m,2]
  input b: f32[n,2]
  s = Shape(b)
  y = Expand(a, s)
  output y
})";
  check(text, {{{one, two}, {f({2, 2}, {1, 2, 1, 2})}}, {{two, one}, {two}}, {{two, two}, {two}}});
}

TEST_CASE("a mask of another name's size meets the scores in every layer, and the expression grows no further") {
  const std::string text = R"(graph "g" {
  input x: f32[batch,q,2]
  input mask: f32[rows,1,keys]
  t = Transpose(x) {perm: [0, 2, 1]}
  s = MatMul(x, t)
  m = Add(s, mask)
  p = Softmax(m) {axis: -1}
  y = MatMul(p, x)
  t2 = Transpose(y) {perm: [0, 2, 1]}
  s2 = MatMul(y, t2)
  m2 = Add(s2, mask)
  output m2
})";
  CHECK(type_of_output(text) == "f32[broadcast(batch,rows),q,broadcast(keys,q)]");
  Tensor x = f({2, 1, 2}, {1, 0, 0, 1});
  check(text, {{{x, f({1, 1, 1}, {5})}, {f({2, 1, 1}, {6, 6})}}, {{x, f({2, 1, 1}, {5, 6})}, {f({2, 1, 1}, {6, 7})}}});
}

TEST_CASE("a data-dependent size broadcasts with one of the inputs") {
  const std::string text = R"(graph "g" {
  input a: f32[m]
  input b: f32[n]
  const axes: i64[1] = [0]
  found = NonZero(a)
  at = Squeeze(found, axes)
  taken = Gather(a, at)
  y = Add(taken, b)
  output y
})";
  check(text, {{{f({3}, {0, 7, 0}), f({2}, {1, 2})}, {f({2}, {8, 9})}},
               {{f({3}, {5, 7, 0}), f({2}, {1, 2})}, {f({2}, {6, 9})}},
               {{f({3}, {5, 7, 0}), f({1}, {1})}, {f({2}, {6, 8})}}});
}

TEST_CASE("an Einsum of different names sums what is there, and refuses what only looks alike when flattened") {
  const std::string text = R"(graph "g" {
  input a: f32[i,j]
  input b: f32[k,l]
  y = Einsum(a, b) {equation: "ij,ij->"}
  output y
})";
  check(text, {{{two, two}, {f({}, {3000})}}});
  for (int level : {0, 2}) {
    Tensor tall = f({3, 2}, {1, 2, 3, 4, 5, 6}), wide = f({2, 3}, {1, 2, 3, 4, 5, 6});
    CHECK(refusal(text, level, {tall, wide}).find("an axis is of 3 and of 2") != std::string::npos);
  }
}

}  // namespace
}  // namespace modelctl::test
