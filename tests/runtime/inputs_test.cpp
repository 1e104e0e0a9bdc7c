// The check of a call's inputs against the signature.
#include "runtime/inputs.hpp"
#include "runtime/model.hpp"
#include "tensor/collection.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

namespace {

const artifact::Signature signature{{{"image", DType::f32, {{-1, "batch"}, {3, ""}, {-1, "?"}}},
                                     {"scale", DType::f32, {{-1, "batch"}}},
                                     {"count", DType::i64, {}}},
                                    {}};

// What check_inputs says of these tensors: "" if it is content, one line for each fault.
std::string verdict(std::initializer_list<Tensor> tensors) {
  std::vector<TensorView> views;
  for (const Tensor& tensor : tensors) views.push_back(tensor.view());
  auto checked = runtime::check_inputs(signature, views);
  if (checked) return {};
  const Error& error = checked.error();
  if (error.faults.empty()) return error.what;
  std::string all = error.what + ":";
  for (const Error& fault : error.faults) all += "\n" + fault.what;
  return all;
}

Tensor floats(Dims dims) { return Tensor(DType::f32, std::move(dims)); }
const Tensor count = Tensor::scalar<std::int64_t>(DType::i64, 1);

std::string mismatch(std::vector<std::string> names) {
  auto matched = runtime::match_inputs(signature, names);
  if (matched) return {};
  const Error& error = matched.error();
  if (error.faults.empty()) return error.what;
  std::string all;
  for (const Error& fault : error.faults) all += fault.what + "\n";
  return all;
}

}  // namespace

TEST_CASE("inputs that fit are accepted at any size of their symbols") {
  CHECK(verdict({floats({2, 3, 7}), floats({2}), count}) == "");
  CHECK(verdict({floats({0, 3, 0}), floats({0}), count}) == "");
}
TEST_CASE("a wrong number of inputs is refused") {
  CHECK(verdict({floats({2, 3, 7})}) == "the model takes 3 inputs, but 1 was given");
  CHECK(verdict({}) == "the model takes 3 inputs, but 0 were given");
}
TEST_CASE("an input of a wrong type is refused") {
  CHECK(verdict({floats({2, 3, 7}), Tensor(DType::f64, {2}), count}) ==
        "the input 'scale' must be of type f32, but is f64[2]");
}
TEST_CASE("an input of a wrong rank is refused") {
  CHECK(verdict({floats({3, 7}), floats({2}), count}) ==
        "the input 'image' must have 3 dimensions, f32[batch,3,?], but is f32[3,7]");
  CHECK(verdict({floats({2, 3, 7}), floats({2, 1}), count}) ==
        "the input 'scale' must have 1 dimension, f32[batch], but is f32[2,1]");
}
TEST_CASE("an input of a wrong fixed size is refused") {
  CHECK(verdict({floats({2, 4, 7}), floats({2}), count}) == "dimension 1 of the input 'image' must be 3, but is 4");
}
TEST_CASE("two sizes for one symbol are refused") {
  CHECK(verdict({floats({2, 3, 7}), floats({5}), count}) ==
        "'batch' is 2 in dimension 0 of 'image', but 5 in dimension 0 of 'scale'");
}
TEST_CASE("a missing tensor is refused") {
  CHECK(verdict({floats({2, 3, 7}), Tensor(), count}) == "the input 'scale' is missing");
}
TEST_CASE("a claim of an impossible size is refused") {
  Tensor huge(DType::f32, {std::int64_t{1} << 62, 3, 7}, nullptr, nullptr);
  CHECK(verdict({huge, floats({2}), count}) ==
        "the input 'image' has an impossible size: f32[4611686018427387904,3,7]");
}
TEST_CASE("all faults of the inputs are reported together") {
  CHECK(verdict({floats({2, 4, 7}), Tensor(DType::f64, {5}), count}) ==
        "the inputs do not fit the model:\n"
        "dimension 1 of the input 'image' must be 3, but is 4\n"
        "the input 'scale' must be of type f32, but is f64[5]\n"
        "'batch' is 2 in dimension 0 of 'image', but 5 in dimension 0 of 'scale'");
}

TEST_CASE("inputs go by name, and those without one to the places that are left") {
  std::vector<std::string> names{"count", "", ""};
  CHECK(runtime::match_inputs(signature, names).value() == std::vector<std::size_t>{1, 2, 0});
}
TEST_CASE("an unknown input name is refused, with the one that was meant") {
  std::vector<std::string> names{"imagee", "scale", "count"};
  auto matched = runtime::match_inputs(signature, names);
  REQUIRE(!matched);
  REQUIRE(matched.error().faults.size() == 2);
  const Error& fault = matched.error().faults[0];
  CHECK(fault.what == "the model has no input 'imagee'");
  CHECK(fault.why.at(0) == "its inputs are: 'image', 'scale', 'count'");
  CHECK(fault.hint == "did you mean 'image'?");
  CHECK(matched.error().faults[1].what == "the input 'image' is missing");
}
TEST_CASE("an input given twice, and one too many, are refused") {
  CHECK(mismatch({"scale", "scale", "image", "count"}) == "the input 'scale' is given twice");
  CHECK(mismatch({"", "", "", ""}) == "the model takes 3 inputs, but 4 were given");
}

TEST_CASE("sequences, optionals and maps are checked with what they hold") {
  artifact::Port item{"", DType::f32, {{-1, "..."}}};
  artifact::Signature collections{{{"list", DType::sequence, {}, {item}}, {"maybe", DType::optional, {}, {item}}}, {}};
  CHECK(runtime::describe(collections.inputs[0]) == "sequence<f32[...]>");
  auto check = [&](const Tensor& list, const Tensor& maybe) {
    TensorView views[] = {list.view(), maybe.view()};
    auto checked = runtime::check_inputs(collections, views);
    return checked ? std::string() : checked.error().what;
  };
  Tensor good = tensor_of(Sequence{DType::f32, {floats({1}), floats({2, 2})}}), empty = tensor_of(Optional{});
  CHECK(check(good, empty) == "");
  CHECK(check(good, tensor_of(Optional{floats({3})})) == "");
  CHECK(check(tensor_of(Sequence{DType::i64, {count}}), empty) ==
        "the input 'list' must be sequence<f32[...]>, but an item is i64[]");
  CHECK(check(tensor_of(Sequence{DType::i64, {}}), empty) ==
        "the input 'list' must be sequence<f32[...]>, but it is a sequence<i64> of 0");
  CHECK(check(good, tensor_of(Optional{count})) ==
        "the input 'maybe' must be optional<f32[...]>, but its value is i64[]");
  CHECK(check(floats({1}), empty) == "the input 'list' must be of type sequence, but is f32[1]");
}

TEST_CASE("an interface for tensors refuses other values") {
  CHECK(runtime::need_tensors(signature, "serve the model"));
  artifact::Port value{"", DType::f32, {}}, key{"", DType::i64, {}};
  artifact::Signature maps{{}, {{"scores", DType::map, {}, {key, value}}}};
  auto refused = runtime::need_tensors(maps, "serve the model");
  REQUIRE(!refused);
  CHECK(refused.error().what ==
        "cannot serve the model: the output 'scores' is map<i64[],f32[]>, and only tensors can be handed over");
}
