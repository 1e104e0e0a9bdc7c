// Concatenation along every axis, for elements of every width.
#include "run_kernel.hpp"

using namespace modelctl;
using namespace modelctl::test;

TEST_CASE("tensors are concatenated along any axis, in every width") {
  for (DType type : {DType::u8, DType::f16, DType::f32, DType::i64}) {
    for (std::int64_t axis : {0, 1, 2}) {
      Dims a{2, 3, 5}, b = a, y = a;
      b[static_cast<std::size_t>(axis)] = 4;
      y[static_cast<std::size_t>(axis)] += 4;
      Tensor left(type, a), right(type, b), made(type, y);
      const auto fill = [](Tensor& tensor, int from) {
        auto* bytes = static_cast<std::uint8_t*>(tensor.mutable_view().data);
        for (std::size_t i = 0; i < tensor.bytes().size(); ++i) bytes[i] = static_cast<std::uint8_t>(from + i);
      };
      fill(left, 0);
      fill(right, 128);
      const Attributes attributes{{"axis", axis}};
      const TensorView in[] = {left.view(), right.view()}, out[] = {made.view()};
      auto bound = kernel("concat").bind({attributes, in, out, kernels::Cpu::detect()});
      REQUIRE_MESSAGE(bound.has_value(), (bound ? "" : bound.error().what));
      const void* from[] = {left.view().data, right.view().data};
      void* to[] = {made.mutable_view().data};
      kernels::Alone alone;
      (*bound)->run({from, to, nullptr, alone});
      // Row by row, as bytes.
      std::int64_t outer = 1, width = bits(type) / 8;
      for (std::int64_t i = 0; i < axis; ++i) outer *= a[static_cast<std::size_t>(i)];
      std::vector<std::byte> wanted;
      for (std::int64_t row = 0; row < outer; ++row) {
        for (const Tensor* each : {&left, &right}) {
          auto length = static_cast<std::size_t>(each->elements() * width / outer);
          auto part = each->bytes().subspan(static_cast<std::size_t>(row) * length, length);
          wanted.insert(wanted.end(), part.begin(), part.end());
        }
      }
      CHECK(std::equal(wanted.begin(), wanted.end(), made.bytes().begin(), made.bytes().end()));
    }
  }
}

TEST_CASE("operands that do not fit are refused when concat is bound") {
  const auto refusal = [](std::vector<Tensor> inputs, std::int64_t axis, Dims y) {
    return KernelRun{"concat", {{"axis", axis}}, std::move(inputs), {std::move(y)}}.refusal();
  };
  const Tensor a = random({2, 2}, 1);
  CHECK(refusal({a, a}, 2, {2, 4}) == "cannot bind kernel 'concat': Y has no such axis");
  CHECK(refusal({a, a}, 1, {2, 5}) == "cannot bind kernel 'concat': Y is not as long as its inputs together");
  CHECK(refusal({a, random({3, 2}, 1)}, 1, {2, 4}) ==
        "cannot bind kernel 'concat': an input has the dimensions [3,2], not [2,2]");
  CHECK(refusal({Tensor(DType::i32, {2, 4})}, 1, {2, 4}) == "cannot bind kernel 'concat': an input is i32, not f32");
}
