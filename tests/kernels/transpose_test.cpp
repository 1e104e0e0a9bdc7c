// Transposition in every order of axes and width of element.
#include "run_kernel.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace modelctl;
using namespace modelctl::test;

namespace {

struct Outcome {
  Tensor got, expected;
};

Outcome transpose(DType type, const Dims& dims, const std::vector<std::int64_t>& perm) {
  const auto width = static_cast<std::size_t>(bits(type) / 8);
  Tensor x(type, dims);
  auto* bytes = static_cast<unsigned char*>(x.mutable_view().data);
  for (std::size_t i = 0; i < x.bytes().size(); ++i) bytes[i] = static_cast<unsigned char>(i * 131 + i / 251);
  Dims y_dims;
  for (std::int64_t axis : perm) y_dims.push_back(dims[static_cast<std::size_t>(axis)]);
  Outcome outcome{Tensor(type, y_dims), Tensor(type, y_dims)};
  auto* want = static_cast<unsigned char*>(outcome.expected.mutable_view().data);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    std::vector<std::int64_t> at(dims.size());
    std::int64_t rest = i, to = 0;
    for (std::size_t axis = dims.size(); axis-- > 0; rest /= dims[axis]) at[axis] = rest % dims[axis];
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      to = to * y_dims[axis] + at[static_cast<std::size_t>(perm[axis])];
    }
    std::memcpy(want + static_cast<std::size_t>(to) * width, bytes + static_cast<std::size_t>(i) * width, width);
  }
  const Attributes attributes{{"perm", perm}};
  const TensorView in = x.view(), out = outcome.got.view();
  auto bound = kernel("transpose").bind({attributes, {&in, 1}, {&out, 1}, kernels::Cpu::detect()});
  REQUIRE(bound.has_value());
  const void* const inputs[] = {in.data};
  void* const outputs[] = {outcome.got.mutable_view().data};
  kernels::Alone alone;
  (*bound)->run({inputs, outputs, nullptr, alone});
  return outcome;
}

}  // namespace

TEST_CASE("transpose takes every order of four axes, in every width") {
  std::vector<std::int64_t> perm{0, 1, 2, 3};
  do {
    for (DType type : {DType::u8, DType::f16, DType::f32, DType::i64}) {
      for (const Dims& dims : {Dims{2, 3, 5, 7}, Dims{1, 9, 1, 4}, Dims{3, 8, 4, 16}}) {
        const Outcome outcome = transpose(type, dims, perm);
        CHECK(same(outcome.got, outcome.expected));
      }
    }
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST_CASE("transpose turns images between channels first and channels last") {
  for (std::int64_t channels : {1, 3, 33, 130}) {
    const Outcome last = transpose(DType::f32, {2, channels, 37, 41}, {0, 2, 3, 1});
    CHECK(same(last.got, last.expected));
    const Outcome first = transpose(DType::f32, {2, 37, 41, channels}, {0, 3, 1, 2});
    CHECK(same(first.got, first.expected));
  }
}

TEST_CASE("transpose takes scalars and empty tensors") {
  CHECK(same(transpose(DType::f32, {}, {}).got, transpose(DType::f32, {}, {}).expected));
  CHECK(transpose(DType::f32, {0, 3}, {1, 0}).got.dims() == Dims{3, 0});
}

TEST_CASE("transpose refuses operands that do not fit") {
  const std::string cannot = "cannot bind kernel 'transpose': ";
  KernelRun run{"transpose", {{"perm", std::vector<std::int64_t>{1, 0}}}, {random({3, 4}, 1)}, {{3, 4}}};
  CHECK(run.refusal() == cannot + "Y has the dimensions [3,4], not [4,3]");
  run.attributes.set("perm", std::vector<std::int64_t>{1, 1});
  CHECK(run.refusal() == cannot + "attribute 'perm' is not a permutation");
  run.attributes.set("perm", std::vector<std::int64_t>{1, 2});
  CHECK(run.refusal() == cannot + "attribute 'perm' has the value 2");
  run.attributes.erase("perm");
  CHECK(run.refusal() == cannot + "attribute 'perm' is not a permutation");
}
