// Attention kernels against the reference implementations, over shapes that fill blocks of keys, cross their borders
// and leave some empty.
#include "kernels/run_kernel.hpp"
#include "ops/schema/operator.hpp"
#include "runtime/thread_pool.hpp"

namespace modelctl::test {
namespace {

struct Case {
  std::int64_t batches, heads, kv_heads, queries, keys, past, size, v_size;
  bool flat;         // three axes
  std::string mask;  // "", "float", "bool"
  Attributes attributes;
};

Tensor mask_of(const Case& c, std::int64_t total) {
  Dims dims{c.batches, 1, c.queries, total};
  if (c.mask.empty()) return {};
  Tensor floats = random(dims, 7);
  float* values = floats.mutable_view().as<float>().data();
  for (std::int64_t i = 0; i < floats.elements(); ++i) {
    if (values[i] > 0.4f || i / total % 5 == 2) values[i] = -HUGE_VALF;  // now and then a whole row
  }
  if (c.mask == "float") return floats;
  Tensor truths(DType::boolean, dims);
  for (std::int64_t i = 0; i < floats.elements(); ++i) truths.mutable_view().as<bool>().data()[i] = values[i] > -1e30f;
  return truths;
}

void check_case(const Case& c) {
  auto operand = [&](std::int64_t heads, std::int64_t length, std::int64_t size, unsigned seed) {
    return random(c.flat ? Dims{c.batches, length, heads * size} : Dims{c.batches, heads, length, size}, seed);
  };
  std::int64_t total = c.past + c.keys;
  std::vector<Tensor> inputs{operand(c.heads, c.queries, c.size, 1), operand(c.kv_heads, c.keys, c.size, 2),
                             operand(c.kv_heads, c.keys, c.v_size, 3), mask_of(c, total)};
  if (c.past > 0) {
    inputs.push_back(random({c.batches, c.kv_heads, c.past, c.size}, 4));
    inputs.push_back(random({c.batches, c.kv_heads, c.past, c.v_size}, 5));
  }
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  Attributes attributes = c.attributes, of_kernel;
  attributes.set("q_num_heads", c.heads);
  attributes.set("kv_num_heads", c.kv_heads);
  auto expected = ops::evaluate("", "Attention", attributes, views, 3);
  REQUIRE_MESSAGE(expected.has_value(), (expected ? "" : expected.error().what));
  of_kernel = {{"heads", c.heads},
               {"kv_heads", c.kv_heads},
               {"causal", attributes.integer("is_causal")},
               {"left", attributes.integer("left_window_size", -1)},
               {"softcap", attributes.number("softcap")}};
  std::vector<Dims> outputs;
  for (const Tensor& output : *expected) outputs.push_back(output.dims());
  runtime::ThreadPool pool(2);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    for (std::size_t count : {1u, 3u}) {  // with present_key and present_value, and without
      KernelRun run{"attention_f32", of_kernel, inputs, {outputs.begin(), outputs.begin() + static_cast<long>(count)}};
      auto got = run.run(cpu, pool);
      REQUIRE_MESSAGE(got.has_value(), (got ? "" : got.error().what));
      for (std::size_t i = 0; i < count; ++i) {
        auto wanted = (*expected)[i].as<float>();
        CHECK(distance((*got)[i], {wanted.begin(), wanted.end()}) < 2e-5);
      }
      CHECK(same((*got)[0], run.run_alone(cpu)));
    }
  }
}

TEST_CASE("the attention kernel computes what the operator does, in blocks or a query at a time") {
  const Attributes causal{{"is_causal", std::int64_t{1}}};
  check_case({1, 1, 1, 1, 1, 0, 1, 1, false, "", {}});
  check_case({2, 3, 3, 70, 70, 0, 20, 12, false, "", causal});
  check_case({2, 3, 3, 33, 300, 0, 16, 16, true, "float", {}});
  check_case({1, 4, 2, 30, 30, 251, 24, 8, true, "", causal});
  check_case({1, 2, 1, 20, 520, 0, 7, 5, false, "bool", {{"softcap", 0.5f}}});
  check_case({2, 4, 2, 1, 1, 300, 40, 64, true, "", causal});
  check_case({1, 2, 2, 3, 3, 600, 33, 17, false, "bool", causal});
  check_case({1,
              2,
              2,
              60,
              60,
              600,
              8,
              8,
              false,
              "",
              {{"is_causal", std::int64_t{1}}, {"left_window_size", std::int64_t{40}}}});
  check_case({1, 1, 1, 4, 0, 0, 8, 8, false, "", {}});
}

TEST_CASE("a cache of fixed size is continued in its own memory, each batch from its own length") {
  constexpr std::int64_t room = 6, size = 4;
  Tensor past = random({2, 1, room, size}, 1), fresh = random({2, 1, 1, size}, 2), query = random({2, 1, 1, size}, 3);
  Tensor lengths = Tensor::of<std::int32_t>(DType::i32, {2}, {4, 1});
  KernelRun run{"attention_f32",
                {{"lengths", std::string("total")}, {"causal", std::int64_t{1}}},
                {query, fresh, fresh, Tensor(), past, past, lengths},
                {{2, 1, 1, size}, {2, 1, room, size}, {2, 1, room, size}}};
  kernels::Alone alone;
  auto apart = run.run(kernels::Cpu::detect(), alone);
  REQUIRE(apart.has_value());
  for (std::int64_t b = 0; b < 2; ++b) {
    std::int64_t at = b == 0 ? 3 : 0;
    for (std::int64_t row = 0; row < room; ++row) {
      for (std::int64_t d = 0; d < size; ++d) {
        float got = (*apart)[1].as<float>()[static_cast<std::size_t>((b * room + row) * size + d)];
        float old = past.as<float>()[static_cast<std::size_t>((b * room + row) * size + d)];
        float wanted = row == at ? fresh.as<float>()[static_cast<std::size_t>(b * size + d)] : row < at ? old : 0.0f;
        CHECK(got == wanted);
      }
    }
  }
  // The second batch sees its new key alone.
  for (std::int64_t d = 0; d < size; ++d) {
    auto i = static_cast<std::size_t>(size + d);
    CHECK((*apart)[0].as<float>()[i] == doctest::Approx(fresh.as<float>()[i]));
  }
  Tensor k(DType::f32, past.dims()), v(DType::f32, past.dims()), y(DType::f32, {2, 1, 1, size});
  for (Tensor* cache : {&k, &v}) std::memcpy(cache->mutable_view().data, past.bytes().data(), past.bytes().size());
  std::vector<TensorView> in, out{y.view(), k.view(), v.view()};
  for (const Tensor& input : run.inputs) in.push_back(input.view());
  auto bound = kernel("attention_f32").bind({run.attributes, in, out, kernels::Cpu::detect()});
  REQUIRE(bound.has_value());
  const void* from[] = {query.view().data, fresh.view().data, fresh.view().data,  nullptr,
                        k.view().data,     v.view().data,     lengths.view().data};
  void* to[] = {y.mutable_view().data, k.mutable_view().data, v.mutable_view().data};
  (*bound)->run({from, to, nullptr, alone});
  CHECK(same(y, (*apart)[0]));
  CHECK(k.as<float>()[3 * size] == fresh.as<float>()[0]);
  CHECK(k.as<float>()[5 * size] == past.as<float>()[5 * size]);  // what lies beyond is left alone
}

TEST_CASE("a length that cannot be gives no numbers") {
  Tensor q = random({2, 1, 1, 2}, 1), k = random({2, 1, 3, 2}, 2);
  KernelRun run{"attention_f32",
                {{"lengths", std::string("valid")}},
                {q, k, k, Tensor(), Tensor(), Tensor(), Tensor::of<std::int64_t>(DType::i64, {2}, {2, 4})},
                {{2, 1, 1, 2}}};
  Tensor y = run.run_alone(kernels::Cpu::detect());
  CHECK(y.as<float>()[0] == y.as<float>()[0]);
  CHECK(std::isnan(y.as<float>()[2]));
}

TEST_CASE("operands that do not fit are refused when the attention kernel is bound") {
  Tensor q = random({1, 2, 3, 4}, 1);
  auto refusal = [&](std::vector<Tensor> inputs, Attributes attributes = {}) {
    return KernelRun{"attention_f32", std::move(attributes), std::move(inputs), {{1, 2, 3, 4}}}.refusal();
  };
  CHECK(refusal({q, q}) ==
        "cannot bind kernel 'attention_f32': it takes three to eight inputs and gives one to three outputs");
  CHECK(refusal({q, random({1, 2, 3, 5}, 1), q}) ==
        "cannot bind kernel 'attention_f32': the dimensions of Q, K and V do not fit");
  CHECK(refusal({q, random({1, 3, 3, 4}, 1), q}) ==
        "cannot bind kernel 'attention_f32': the heads of Q, K and V do not fit");
  CHECK(refusal({q, q, q, random({2, 3}, 1)}) ==
        "cannot bind kernel 'attention_f32': the mask does not broadcast to the scores");
  CHECK(refusal({q, q, q, Tensor(), q}) ==
        "cannot bind kernel 'attention_f32': there is a cache of keys or values alone");
  CHECK(refusal({random({1, 3, 8}, 1), q, q}) == "cannot bind kernel 'attention_f32': Q is not of so many heads");
}

}  // namespace
}  // namespace modelctl::test
