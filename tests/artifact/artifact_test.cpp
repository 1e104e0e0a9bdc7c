// The artifact format: round trips, determinism, and a checked reader that no damaged file can crash.
#include "artifact/integrity.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace modelctl;
using artifact::ShapeOp;
using test::PlanMaker;
using test::Scratch;

namespace {

// x[n,3] -> relu -> y; w is a constant that nobody needs twice, s is one of strings.
PlanMaker small() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 3});
  auto w = maker.constant("w", Tensor::of<float>(DType::f32, {3}, {1, 2, 3}));
  maker.constant("s", Tensor::of_strings({2}, {"zero", "one"}));
  auto sum = maker.like("sum", x);
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, w}, {sum});
  maker.step("op::Elu", {sum, artifact::absent}, {y},
             {{"alpha", 0.5f},
              {"axes", std::vector<std::int64_t>{1, -1}},
              {"mode", std::string("linear")},
              {"keys", std::vector<std::string>{"a", ""}},
              {"scales", std::vector<float>{1.5f}},
              {"count", std::int64_t{7}},
              {"value", Tensor::of<std::int64_t>(DType::i64, {2}, {4, 5})},
              {"words", Tensor::of_strings({1}, {"word"})}},
             0);
  maker.output("y", y);
  maker.plan.metadata = {{"model", "small"}, {"producer", "test"}};
  return maker;
}

std::vector<std::byte> written(const PlanMaker& maker) {
  Scratch scratch;
  REQUIRE(maker.writer.write(maker.plan, scratch / "a"));
  return read_file(scratch / "a").value();
}

// The error of opening these bytes as a file.
Error refused(ByteSpan bytes) {
  Scratch scratch;
  REQUIRE(write_file(scratch / "a", bytes));
  auto opened = artifact::open(scratch / "a");
  REQUIRE(!opened);
  Error error = std::move(opened).error();
  std::string name = (scratch / "a").string();
  for (std::size_t at; (at = error.what.find(name)) != std::string::npos;) error.what.replace(at, name.size(), "a");
  return error;
}

// The only fault of a plan that was spoilt.
std::string fault_of(const PlanMaker& maker) {
  Error error = refused(written(maker));
  CHECK(error.code == "bad-artifact");
  CHECK(error.faults.empty());
  return error.what;
}

}  // namespace

TEST_CASE("what was written is read back the same") {
  PlanMaker maker = small();
  auto opened = maker.artifact();
  REQUIRE(opened);
  const artifact::Plan& plan = opened->plan;
  CHECK(plan.signature.inputs.at(0).dims.at(0).symbol == "n");
  CHECK(plan.signature.outputs.at(0).name == "y");
  CHECK(plan.shapes.size() == maker.plan.shapes.size());
  CHECK(plan.values.at(1).bytes == 12);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].routine == "op::Add");
  CHECK(plan.steps[1].inputs == std::vector<std::int32_t>{3, artifact::absent});
  CHECK(plan.steps[1].in_place == 0);
  const Attributes& attributes = plan.steps[1].attributes;
  CHECK(attributes.size() == 8);
  CHECK(attributes.number("alpha") == 0.5f);
  CHECK(attributes.integers("axes") == std::vector<std::int64_t>{1, -1});
  CHECK(attributes.text("mode") == "linear");
  CHECK(attributes.texts("keys") == std::vector<std::string>{"a", ""});
  CHECK(attributes.numbers("scales") == std::vector<float>{1.5f});
  CHECK(attributes.integer("count") == 7);
  CHECK(same(*attributes.tensor("value"), Tensor::of<std::int64_t>(DType::i64, {2}, {4, 5})));
  CHECK(same(*attributes.tensor("words"), Tensor::of_strings({1}, {"word"})));
  CHECK(plan.metadata.at("model") == "small");
  float weight;
  std::memcpy(&weight, opened->weights.data() + plan.values[1].offset + 8, 4);
  CHECK(weight == 3);
}

TEST_CASE("the same plan and weights give the same bytes") { CHECK(written(small()) == written(small())); }

TEST_CASE("the weights begin on a page, at the offset in the header") {
  auto bytes = written(small());
  CHECK(artifact::weights_offset(bytes, "a").value() == 4096);
  CHECK(bytes.size() == 4096 + 64 + 15);
}

TEST_CASE("equal constants are stored once") {
  PlanMaker maker;
  auto ones = Tensor::of<float>(DType::f32, {2}, {1, 1});
  maker.constant("a", ones);
  maker.constant("b", Tensor::of<float>(DType::f32, {1, 2}, {1, 1}));
  maker.constant("c", Tensor::of<float>(DType::f32, {2}, {1, 2}));
  CHECK(maker.plan.values[0].offset == maker.plan.values[1].offset);
  CHECK(maker.plan.values[2].offset == 64);
  CHECK(maker.writer.weights_bytes() == 72);
}

TEST_CASE("an altered digest, plan or weight is found when the artifact is opened") {
  auto bytes = written(small());
  Scratch scratch;
  REQUIRE(write_file(scratch / "good", bytes));
  CHECK(artifact::open(scratch / "good").value().integrity->check());
  std::size_t in_plan = as_text(bytes).find("producer");
  for (std::size_t at : {std::size_t{40}, in_plan, std::size_t{4096}, bytes.size() - 1}) {
    auto bad = bytes;
    bad[at] ^= std::byte{1};
    REQUIRE(write_file(scratch / "bad", bad));
    auto opened = artifact::open(scratch / "bad");
    REQUIRE(!opened);
    CHECK(opened.error().kind == Kind::untrusted);
    CHECK(opened.error().code == "digest-mismatch");
  }
}

TEST_CASE("a large artifact opens at once, and that it was altered is found before anything of it is used") {
  PlanMaker maker;
  const std::uint64_t count = artifact::Integrity::compared_at_once / 4;
  maker.constant("a", Tensor(DType::f32, {static_cast<std::int64_t>(count + 1)}));
  auto bytes = written(maker);
  Scratch scratch;
  REQUIRE(write_file(scratch / "good", bytes));
  CHECK(artifact::open(scratch / "good").value().integrity->check());
  bytes.back() ^= std::byte{1};
  REQUIRE(write_file(scratch / "bad", bytes));
  auto opened = artifact::open(scratch / "bad");
  REQUIRE(opened);
  for (int i = 0; i < 2; ++i) {
    auto verdict = opened->integrity->check();
    REQUIRE(!verdict);
    CHECK(verdict.error().code == "digest-mismatch");
  }
  CHECK(artifact::open(scratch / "good").has_value());  // and nobody has to ask
}

TEST_CASE("a file that is not an artifact is refused") {
  Error error = refused(as_bytes("PK\3\4 this is something else, and long enough to hold a header of 64 bytes"));
  CHECK(error.what == "cannot read 'a': it is not an artifact");
  CHECK(error.why.at(0) == "it does not begin as artifacts do");
  CHECK(refused({}).what == "cannot read 'a': it is not an artifact");
}

TEST_CASE("an artifact of another version is refused by its number") {
  auto bytes = written(small());
  bytes[8] = std::byte{9};
  Error error = refused(bytes);
  CHECK(error.code == "artifact-version");
  CHECK(error.what == "cannot read 'a': it is an artifact of version 9, and this program reads version 3");
}

TEST_CASE("an artifact cut anywhere is refused") {
  auto bytes = written(small());
  for (std::size_t size = 0; size < bytes.size(); size += size < 900 ? 1 : 61) { refused(ByteSpan(bytes).first(size)); }
  bytes.push_back({});
  Error error = refused(bytes);
  CHECK(error.why.at(0) == "it has 4176 bytes, but its header states 4175");
}

TEST_CASE("a plan with any one byte altered is refused or harmless") {
  auto bytes = written(small());
  std::size_t opened = 0;
  auto owner = std::make_shared<int>();
  for (std::size_t at = 0; at < 1024; ++at) {
    for (std::uint8_t change : {0x01, 0x80, 0xff}) {
      auto spoilt = bytes;
      spoilt[at] ^= std::byte{change};
      // An aligned copy, as a mapping would be.
      Tensor memory(DType::u8, {static_cast<std::int64_t>(spoilt.size())});
      std::memcpy(memory.mutable_view().data, spoilt.data(), spoilt.size());
      if (artifact::open(memory.bytes().first(4096), memory.bytes().subspan(4096), owner, "a")) ++opened;
    }
  }
  CHECK(opened > 0);  // the digest, names and numbers that mean nothing to the runtime
}

TEST_CASE("each rule of a plan is enforced, with its own message") {
  PlanMaker maker = small();
  SUBCASE("a constant outside the weights") {
    maker.plan.values[1].offset = 1 << 20;
    CHECK(fault_of(maker) == "the constant 'w' (1) lies outside the weights");
  }
  SUBCASE("a constant whose end overflows") {
    maker.plan.values[1].bytes = ~std::uint64_t{0};
    CHECK(fault_of(maker) == "the constant 'w' (1) lies outside the weights");
  }
  SUBCASE("a constant of another size") {
    maker.plan.values[1].bytes = 8;
    CHECK(fault_of(maker) == "the constant 'w' (1) is f32[3], but takes 8 bytes");
  }
  SUBCASE("a constant of 2^62 elements") {
    maker.plan.shapes[maker.plan.values[1].dims[0]].a = std::int64_t{1} << 62;
    CHECK(fault_of(maker) == "the constant 'w' (1) is f32[4611686018427387904], but takes 12 bytes");
  }
  SUBCASE("a constant of 2^62 elements of half a byte, which would wrap to no bytes") {
    maker.plan.shapes[maker.plan.values[1].dims[0]].a = std::int64_t{1} << 62;
    maker.plan.values[1].type = DType::u4;
    maker.plan.values[1].bytes = 0;
    CHECK(fault_of(maker) == "the constant 'w' (1) is u4[4611686018427387904], but takes 0 bytes");
  }
  SUBCASE("a constant whose size depends on an input") {
    maker.plan.values[1].dims[0] = 0;
    CHECK(fault_of(maker) == "the constant 'w' (1) has no fixed size");
  }
  SUBCASE("damaged strings") {
    maker.plan.values[2].bytes = 14;
    CHECK(fault_of(maker) == "the strings of the constant 's' (2) are damaged");
  }
  SUBCASE("a type that is not known") {
    maker.plan.values[3].type = static_cast<DType>(99);
    CHECK(fault_of(maker) == "the value 'sum' (3) has a type that is not known");
  }
  SUBCASE("a sequence with dimensions") {
    maker.plan.values[3].type = DType::sequence;
    CHECK(fault_of(maker) == "the value 'sum' (3) is a sequence, which has no dimensions and is not a constant");
  }
  SUBCASE("a rank that nothing tells") {
    maker.plan.values[3].any_rank = true;
    CHECK(fault_of(maker) == "the value 'sum' (3) has a rank that is neither known nor found");
  }
  SUBCASE("a port that holds what its type cannot") {
    maker.plan.signature.inputs[0].inside.emplace_back();
    maker.plan.signature.inputs[0].inside[0].type = DType::f32;
    CHECK(fault_of(maker) == "the port 'x' does not hold what its type does");
  }
  SUBCASE("a dimension that is not a register") {
    maker.plan.values[3].dims[0] = 4096;
    CHECK(fault_of(maker) == "a dimension of the value 'sum' (3) is not a register");
  }
  SUBCASE("a shape instruction that reads ahead") {
    maker.reg(ShapeOp::add, 0, static_cast<std::int64_t>(maker.plan.shapes.size()));
    CHECK(fault_of(maker) == "instruction 4 of the shape program is not valid");
  }
  SUBCASE("a shape instruction that reads no input") {
    maker.reg(ShapeOp::input_dim, 0, 2);
    CHECK(fault_of(maker) == "instruction 4 of the shape program is not valid");
  }
  SUBCASE("a step that reads what is not there yet") {
    maker.plan.steps[0].inputs[1] = 4;
    CHECK(fault_of(maker) == "step 0 reads the value 'y' (4) before it is made");
  }
  SUBCASE("a step that reads no value") {
    maker.plan.steps[0].inputs[1] = 77;
    CHECK(fault_of(maker) == "an input of step 0 is not a value");
  }
  SUBCASE("a value made twice") {
    maker.plan.steps[1].outputs.push_back(3);
    CHECK(fault_of(maker) == "step 1 makes the value 'sum' (3), which is there already");
  }
  SUBCASE("a step that writes to a constant") {
    maker.plan.steps[1].outputs.push_back(1);
    CHECK(fault_of(maker) == "step 1 makes the value 'w' (1), which is there already");
  }
  SUBCASE("a value that nobody makes") {
    maker.like("z", 0);
    CHECK(fault_of(maker) == "no step makes the value 'z' (5)");
  }
  SUBCASE("a step in place of nothing") {
    maker.plan.steps[1].in_place = 1;
    CHECK(fault_of(maker) == "step 1 works in place of an operand that it does not have");
  }
  SUBCASE("a routine of no kind") {
    maker.plan.steps[0].routine = "Add";
    CHECK(fault_of(maker) == "step 0 runs 'Add', which is not a kind of routine");
  }
  SUBCASE("an input used twice") {
    maker.plan.inputs.push_back(0);
    maker.plan.signature.inputs.push_back(maker.plan.signature.inputs[0]);
    CHECK(fault_of(maker) == "input 1 of the plan is not a value of its own");
  }
  SUBCASE("an output of another type than the signature's") {
    maker.plan.signature.outputs[0].type = DType::i64;
    CHECK(fault_of(maker) == "the value 'y' (4) is not of the type and rank that the signature has for 'y'");
  }
  SUBCASE("a dimension of the signature that says nothing") {
    maker.plan.signature.inputs[0].dims[0].symbol.clear();
    CHECK(fault_of(maker) == "a dimension of the port 'x' is neither a size nor a symbol");
  }
  SUBCASE("a size that is known too late") {
    auto which = maker.data_dependent("which", DType::f32, 1);
    maker.plan.values[3].dims = {maker.plan.values[static_cast<std::size_t>(which)].dims[0], 0};
    maker.step("op::NonZero", {3}, {which});
    CHECK(fault_of(maker) == "the size of the value 'sum' (3) is not known when it is made");
  }
}

TEST_CASE("all faults of a damaged plan are reported together") {
  PlanMaker maker = small();
  maker.plan.values[1].bytes = 8;
  maker.plan.values[3].type = DType::undefined;
  Error error = refused(written(maker));
  CHECK(error.what == "cannot read 'a': the artifact is damaged");
  CHECK(error.faults.size() == 2);
}

namespace {

// x[n,3] -> a step whose nested plan takes one value and the captured w[3], and adds them.
PlanMaker nesting() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 3});
  auto w = maker.constant("w", Tensor::of<float>(DType::f32, {3}, {1, 2, 3}));
  auto y = maker.like("y", x);
  maker.step("op::Call", {x, w}, {y});
  PlanMaker inner;
  auto a = inner.input("a", DType::f32, {"n", 3});
  auto b = inner.input("b", DType::f32, {3});
  auto c = inner.like("c", a);
  inner.step("op::Add", {a, b}, {c});
  inner.output("c", c);
  maker.body("body", inner, {1}, 1);
  maker.output("y", y);
  return maker;
}

}  // namespace

TEST_CASE("a nested plan is read back as it was written") {
  auto opened = nesting().artifact();
  REQUIRE(opened);
  const artifact::Step& step = opened->plan.steps[0];
  REQUIRE(opened->plan.bodies.size() == 1);
  CHECK(step.captured == 1);
  CHECK(step.bodies[0].name == "body");
  CHECK(step.bodies[0].captures == std::vector<std::uint32_t>{1});
  CHECK(opened->plan.bodies[0].steps[0].routine == "op::Add");
  CHECK(opened->plan.bodies[0].signature.inputs[1].name == "b");
}

TEST_CASE("each rule of nested plans is enforced, with its own message") {
  PlanMaker maker = nesting();
  artifact::Step& step = maker.plan.steps[0];
  SUBCASE("a nested plan that is not there") {
    step.bodies[0].plan = 1;
    CHECK(fault_of(maker) == "step 0 runs a nested plan that is not there");
  }
  SUBCASE("a captured value that is not there") {
    step.bodies[0].captures = {2};
    CHECK(fault_of(maker) == "step 0 gives nested plan 0 a value that it does not have");
  }
  SUBCASE("a captured value of another rank") {
    step.bodies[0].captures = {0};
    CHECK(fault_of(maker) == "step 0 gives nested plan 0 f32 for its input 'b'");
  }
  SUBCASE("more than the nested plan takes") {
    step.bodies[0].captures = {1, 1, 1};
    CHECK(fault_of(maker) == "step 0 gives nested plan 0 more than it takes");
  }
  SUBCASE("more captures than inputs") {
    step.captured = 3;
    CHECK(fault_of(maker) == "step 0 captures more than it has");
  }
  SUBCASE("a fault within") {
    maker.plan.bodies[0].outputs[0] = 7;
    CHECK(fault_of(maker) == "nested plan 0: output 0 of the plan is not a value");
  }
}

TEST_CASE("plans that nest too deeply are refused") {
  artifact::Plan plan;
  for (int depth = 0; depth < artifact::max_plan_depth + 2; ++depth) {
    artifact::Plan outer;
    outer.bodies.push_back(std::move(plan));
    plan = std::move(outer);
  }
  PlanMaker maker;
  maker.plan = std::move(plan);
  Error error = refused(written(maker));
  CHECK(error.code == "bad-artifact");
  REQUIRE(error.why.size() == 1);
  CHECK(error.why[0].starts_with("the plan nested too deeply at byte "));
}

TEST_CASE("large weights that are put aside are written as if they had stayed in memory") {
  Scratch scratch;
  auto large = [](std::int32_t first) {  // 24 MiB
    Tensor tensor(DType::i32, {6 << 20});
    std::int32_t value = first;
    for (std::int32_t& element : tensor.mutable_view().as<std::int32_t>()) element = value++;
    return tensor;
  };
  PlanMaker kept, aside;
  aside.writer.spill_to(scratch.path());
  for (PlanMaker* maker : {&kept, &aside}) {
    for (std::int32_t first : {1, 2, 3, 4, 3}) maker->writer.add(large(first));  // one of them twice
    CHECK(maker->writer.weights_bytes() == std::uint64_t{4} * (24 << 20));
    REQUIRE(maker->writer.write(maker->plan, scratch / (maker == &kept ? "kept" : "aside")));
  }
  CHECK(read_file(scratch / "kept").value() == read_file(scratch / "aside").value());
  auto files = std::distance(std::filesystem::directory_iterator(scratch.path()), {});
  CHECK(files == 2);  // what was put aside has no name
}
