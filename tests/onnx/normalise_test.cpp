#include "models.hpp"

namespace modelctl::onnx {
namespace {

using namespace test;

TEST_CASE("everything that is missing is told at once, each with its place") {
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
  CHECK(told(load(bytes)) ==
        "unknown-attribute: cannot use attribute 'alpha', which Relu does not have\n"
        "  at model.onnx: node 'good' (Relu)\n"
        "unknown-operator: cannot compile operator 'Addd' of the default domain, opset 13: the operator is not "
        "implemented\n"
        "  at model.onnx: node 'first' (Addd)\n  because 2 nodes use it\n  help if 'Add' is meant, name it so\n"
        "unknown-domain: cannot compile operator 'FusedThing' of domain 'com.microsoft', opset 1: "
        "the domain is not implemented\n"
        "  at model.onnx: node 'fused' (com.microsoft::FusedThing)\n"
        "  help pass the model as it was exported, not as ONNX Runtime optimised it\n"
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
    return told(load(bytes_of("graph \"g\" {\n  input x: f32[2]\n  output x\n}", {.opsets = {{"", opset}}})));
  };
  CHECK(at_opset(27) == "fine\n");
  CHECK(at_opset(28) ==
        "opset-too-new: cannot compile opset 28 of the default domain: this version knows 7 to 27\n"
        "  at model.onnx\n  help export the model with opset 27\n");
  CHECK(at_opset(6) ==
        "opset-too-old: cannot compile opset 6 of the default domain: this version knows 7 to 27\n"
        "  at model.onnx\n  help export the model with opset 27\n");
}

TEST_CASE("nodes of an older opset are brought to the newest form") {
  std::string bytes = bytes_of(R"(graph "net" {
    input x: f32[2,1]
    y = Squeeze(x) {axes: [1]}
    output y
  })",
                               {.opsets = {{"", 9}}});
  auto model = load(bytes);
  if (!model) FAIL(told(model));
  const graph::Node& node = **model->graph->nodes().begin();
  CHECK(node.attributes.size() == 0);
  REQUIRE(node.input(1) != nullptr);
  CHECK(node.input(1)->constant.as<std::int64_t>()[0] == 1);
}

}  // namespace
}  // namespace modelctl::onnx
