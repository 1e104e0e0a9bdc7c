// Opset normalization: upgrades from old opsets, and complete lists of what is missing.
#include "models.hpp"

#include "graph/text.hpp"

namespace modelctl::onnx {
namespace {

using namespace test;

TEST_CASE("everything that is missing is reported together, each with its first node") {
  std::string bytes = bytes_of(R"(graph "net" {
    input x: f32[2]
    a = Addd(x, x) "first"
    b = Addd(a, x) "second"
    c = com.microsoft::FusedThing(b) "fused"
    d = my.company::Magic(c)
    e = modelctl::Conv(d)
    f = Relu(e) "good" {alpha: 1.0}
    output f
  })",
                               {.opsets = {{"", 13}, {"com.microsoft", 1}}});
  CHECK(message_of(load(bytes)) ==
        "unknown-attribute: cannot use attribute 'alpha', which Relu does not have\n"
        "  at model.onnx: node 'good' (Relu)\n"
        "unknown-operator: cannot compile operator 'Addd' of the default domain, opset 13: the operator is not "
        "implemented\n"
        "  at model.onnx: node 'first' (Addd)\n  because 2 nodes use it\n  help did you mean 'Add'?\n"
        "unknown-operator: cannot compile operator 'FusedThing' of domain 'com.microsoft', opset 1: "
        "the operator is not implemented\n"
        "  at model.onnx: node 'fused' (com.microsoft::FusedThing)\n"
        "  help if ONNX Runtime optimized the model, pass it as it was exported; else export it with other operators "
        "there\n"
        "unknown-domain: cannot compile operator 'Conv' of domain 'modelctl', no opset: the domain is not implemented\n"
        "  at model.onnx: the node of 'e' (modelctl::Conv)\n"
        "  help export the model without operators of domain 'modelctl'\n"
        "unknown-domain: cannot compile operator 'Magic' of domain 'my.company', no opset: the domain is not "
        "implemented\n"
        "  at model.onnx: the node of 'd' (my.company::Magic)\n"
        "  help export the model without operators of domain 'my.company'\n");
}

TEST_CASE("an opset that is too new or too old is refused") {
  auto at_opset = [](int opset) {
    return message_of(load(bytes_of("graph \"g\" {\n  input x: f32[2]\n  output x\n}", {.opsets = {{"", opset}}})));
  };
  CHECK(at_opset(28) == "fine\n");
  CHECK(at_opset(29) ==
        "opset-too-new: cannot compile opset 29 of the default domain: this version supports 1 to 28\n"
        "  at model.onnx\n  help export the model with opset 28\n");
  CHECK(at_opset(1) == "fine\n");
  CHECK(at_opset(0) ==
        "opset-too-old: cannot compile opset 0 of the default domain: this version supports 1 to 28\n"
        "  at model.onnx\n  help export the model with opset 28\n");
}

// The newest form of what an early opset wrote, as text.
std::string newest(std::string_view text, int opset) {
  auto model = load(bytes_of(std::string("graph \"g\" {\n") + std::string(text) + "\n}", {.opsets = {{"", opset}}}));
  return model ? graph::to_text(*model->graph) : message_of(model);
}

TEST_CASE("broadcasting along an axis, as opset 6 had it, becomes an Unsqueeze") {
  std::string text = newest(R"(input x: f32[2,3,4]
    input b: f32[3]
    y = Relu(x)
    z = Add(y, b) {axis: 1, broadcast: 1}
    output z)",
                            6);
  CHECK_MESSAGE(text.find("Add_Unsqueeze = Unsqueeze(b, Add)") != std::string::npos, text);
  CHECK_MESSAGE(text.find("broadcast") == std::string::npos, text);
}

TEST_CASE("an axis that the first input does not have cannot be broadcast along") {
  CHECK(newest("input x: f32[2,3]\ninput b: f32[3]\nz = Add(x, b) {axis: 2, broadcast: 1}\noutput z", 6) ==
        "unsupported-form: cannot use Add of opset 6: axis 2 is beyond its first input\n"
        "  at model.onnx: the node of 'z' (Add)\n");
}

TEST_CASE("a text that only an earlier opset has is accepted there, and refused in the newest") {
  std::string_view text =
      "input x: f32[1,1,2,2]\ninput grid: f32[1,1,1,2]\ny = GridSample(x, grid) {mode: \"bilinear\"}\noutput y";
  CHECK(newest(text, 16).find("mode: \"linear\"") != std::string::npos);
  CHECK(newest(text, 20) ==
        "bad-attribute: cannot use attribute 'mode' of GridSample with the value 'bilinear': it must be one of linear, "
        "nearest, cubic\n  at model.onnx: the node of 'y' (GridSample)\n  help did you mean 'linear'?\n");
  CHECK(newest("input x: f32[1,1,2,2]\ny = Upsample(x) {mode: \"bilinear\", scales: [1.0, 1.0, 2.0, 2.0]}\noutput y", 7)
            .find("mode: \"linear\"") != std::string::npos);
}

TEST_CASE("one slope per channel, as in opset 6, is aligned with the channels") {
  std::string text = newest("input x: f32[2,3,4,4]\ninput s: f32[3]\ny = PRelu(x, s)\noutput y", 6);
  CHECK_MESSAGE(text.find("const PRelu: i64[2] = [1, 2]\n  PRelu_Unsqueeze = Unsqueeze(s, PRelu)") != std::string::npos,
                text);
}

TEST_CASE("what opset 1 named otherwise gets its later name") {
  CHECK(newest("input x: f32[2]\ny = Cast(x) {to: \"INT64\"}\noutput y", 1).find("{to: 7}") != std::string::npos);
  CHECK(newest("input x: f32[2,2]\ny = Concat(x, x) {consumed_inputs: [0, 0]}\noutput y", 1).find("{axis: 1}") !=
        std::string::npos);
  CHECK(newest("input x: f32[2]\ny = Selu(x)\noutput y", 1).find("alpha: 1.6732") != std::string::npos);
  CHECK(newest("input x: f32[2,3]\ny = Reshape(x) {shape: [3, 2]}\noutput y", 1).find("i64[2] = [3, 2]") !=
        std::string::npos);
  CHECK(newest("input x: f32[2]\ny = Cast(x) {to: \"COLOR\"}\noutput y", 1) ==
        "unsupported-form: cannot use Cast of opset 1: there is no element type 'COLOR'\n"
        "  at model.onnx: the node of 'y' (Cast)\n");
}

TEST_CASE("the training form of opset 6, which has more outputs, is refused") {
  std::string inputs = "input x: f32[2,3]\ninput s: f32[3]\n";
  CHECK(newest(inputs + "y, m = BatchNormalization(x, s, s, s, s) {is_test: 0}\noutput y\noutput m", 6)
            .find("it is in training form") != std::string::npos);
  CHECK(newest(inputs + "y = BatchNormalization(x, s, s, s, s) {is_test: 1}\noutput y", 6).find("is_test") ==
        std::string::npos);
}

TEST_CASE("nodes of an older opset are brought to the newest form") {
  std::string bytes = bytes_of(R"(graph "net" {
    input x: f32[2,1]
    y = Squeeze(x) {axes: [1]}
    output y
  })",
                               {.opsets = {{"", 9}}});
  auto model = load(bytes);
  if (!model) FAIL(message_of(model));
  const graph::Node& node = **model->graph->nodes().begin();
  CHECK(node.attributes.size() == 0);
  REQUIRE(node.input(1) != nullptr);
  CHECK(node.input(1)->constant.as<std::int64_t>()[0] == 1);
}

TEST_CASE("a MeanVarianceNormalization before opset 9 gets its groups as axes, or subtracts the mean alone") {
  auto of = [](const char* attributes) {
    return newest(std::string("input x: f32[1,2,3,4]\ny = MeanVarianceNormalization(x) {") + attributes + "}\noutput y",
                  8);
  };
  CHECK_MESSAGE(of("across_channels: 1").find("MeanVarianceNormalization(x) {axes: [0, 1, 2, 3]}") != std::string::npos,
                of("across_channels: 1"));
  std::string shifted = of("normalize_variance: 0");
  CHECK_MESSAGE(shifted.find("= ReduceMean(x, ") != std::string::npos, shifted);
  CHECK_MESSAGE(shifted.find("y = Sub(x, ") != std::string::npos, shifted);
}

TEST_CASE("a Resize of opset 10 that grows along one axis and shrinks along another becomes two") {
  std::string text =
      newest("input x: f32[1,1,4,4]\nconst s: f32[4] = [1.0, 1.0, 2.0, 0.5]\ny = Resize(x, s)\noutput y", 10);
  CHECK_MESSAGE(text.find("[1.0, 1.0, 2.0, 1.0]") != std::string::npos, text);
  CHECK_MESSAGE(text.find("[1.0, 1.0, 1.0, 0.5]") != std::string::npos, text);
  CHECK_MESSAGE(text.find("nearest_mode: \"floor\"") < text.find("nearest_mode: \"ceil\""), text);
}

TEST_CASE("a Scan of opset 8 reads each sequence up to its length, and pads its outputs with zeros") {
  std::string text = newest(R"(input l: i64[b]
    input s: f32[b,1]
    input x: f32[b,t,1]
    last, y = Scan(l, s, x) {num_scan_inputs: 1, body: graph "body" {
      input a: f32[1]
      input c: f32[1]
      d = Add(a, c)
      output d
      output d
    }}
    output y)",
                            8);
  CHECK_MESSAGE(text.find("Scan(s, x, l)") != std::string::npos, text);
  CHECK_MESSAGE(text.find("= Split(") != std::string::npos, text);
  CHECK_MESSAGE(text.find("= Pad(") != std::string::npos, text);
}

TEST_CASE("a size that is declared for an If is open, since it may be that of one branch only") {
  std::string text = newest(R"(input c: bool[]
    input x: f32[n,2]
    y: f32[n,2] = If(c) {else_branch: graph "else" {
      const none: f32[1,2] = [0.0, 0.0]
      output none
    }, then_branch: graph "then" {
      output x
    }}
    output y)",
                            17);
  CHECK_MESSAGE(text.find("y: f32[unknown_1,2] = If(c)") != std::string::npos, text);
}

TEST_CASE("an old node without its first input is refused before it is upgraded") {
  std::string bytes = bytes_of(R"(graph "net" {
    input x: f32[2,1]
    y = Softmax(x)
    output y
  })",
                               {.opsets = {{"", 9}}});
  auto model = parse_bytes(bytes);
  REQUIRE(model);
  graph::Node& node = **model->graph->nodes().begin();
  node.set_input(0, nullptr);
  auto normalized = normalize(*model);
  REQUIRE(!normalized);
  CHECK(message_of(normalized.error()) ==
        "missing-input: cannot use Softmax without its input 0\n  at model.onnx: the node of 'y' (Softmax)\n");
}

}  // namespace
}  // namespace modelctl::onnx
