// Inlining of the model's own functions: renaming, attributes, opsets, and limits against expansion without end.
#include "models.hpp"

#include "onnx/wire.hpp"

namespace modelctl::onnx {
namespace {

using namespace test;
using protozero::pbf_reader;
using protozero::pbf_writer;

// Copies a node; an attribute that is the text "@name" becomes a number that refers to the function's attribute.
void copy_node(protozero::data_view node, pbf_writer& writer) {
  pbf_reader reader(node);
  while (reader.next()) {
    if (auto tag = reader.tag(); tag != 5) {  // reading the value may forget it
      writer.add_message(tag, reader.get_view());
      continue;
    }
    protozero::data_view message = reader.get_view();
    std::string name, text;
    pbf_reader attribute(message);
    while (attribute.next()) {
      if (attribute.tag() == 1) name = attribute.get_string();
      else if (attribute.tag() == 4) text = attribute.get_string();
      else attribute.skip();
    }
    if (text.empty() || text[0] != '@') {
      writer.add_message(5, message);
      continue;
    }
    pbf_writer reference(writer, 5);
    reference.add_string(1, name);
    reference.add_enum(20, 1);
    reference.add_string(21, text.substr(1));
  }
}

struct Definition {
  std::string domain, name;
  std::vector<std::string> inputs, outputs;
  std::string body;  // nodes of a graph's text; what they use of `inputs` is declared for them
  std::vector<std::pair<std::string, float>> defaults = {};
  std::vector<std::string> attributes = {};
  int opset = 21;
};

std::string with_functions(std::string model, const std::vector<Definition>& functions) {
  pbf_writer writer(model);
  for (const Definition& definition : functions) {
    std::string text = "graph \"f\" {\n";
    for (const std::string& input : definition.inputs) text += "input " + input + ": f32[2]\n";
    std::string bytes = bytes_of(text + definition.body + "\n}");
    pbf_writer function(writer, 25);
    function.add_string(1, definition.name);
    for (const std::string& input : definition.inputs) function.add_string(4, input);
    for (const std::string& output : definition.outputs) function.add_string(5, output);
    for (const std::string& attribute : definition.attributes) function.add_string(6, attribute);
    pbf_reader reader(bytes);
    while (reader.next(7)) {
      pbf_reader graph(reader.get_view());
      while (graph.next(1)) {
        pbf_writer node(function, 7);
        copy_node(graph.get_view(), node);
      }
    }
    {
      pbf_writer opset(function, 9);
      opset.add_string(1, "");
      opset.add_int64(2, definition.opset);
    }
    function.add_string(10, definition.domain);
    for (const auto& [name, value] : definition.defaults) {
      pbf_writer attribute(function, 11);
      attribute.add_string(1, name);
      attribute.add_float(2, value);
      attribute.add_enum(20, 1);
    }
  }
  return model;
}

// What the model's nodes are once it is read: "y = Elu(x) {alpha: 2}", one a line.
std::string nodes_of(const std::string& bytes) {
  auto model = load(bytes);
  if (!model) return message_of(model);
  std::string all = graph::to_text(*model->graph), nodes;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t end = all.find('\n', at);
    std::string line = all.substr(at, end - at);
    if (line.find(" = ") != std::string::npos) nodes += line.substr(2) + "\n";
    at = end + 1;
  }
  return nodes;
}

const WriteOptions opsets = {.opsets = {{"", 21}, {"mine", 1}}};

TEST_CASE("a call is replaced by the function's nodes, with its attributes and the defaults of the others") {
  Definition soft{
      "mine",           "Soft",   {"a"}, {"b"}, "t = Elu(a) {alpha: \"@steep\"}\nb = LeakyRelu(t) {alpha: \"@leak\"}",
      {{"leak", 0.5f}}, {"steep"}};
  std::string bytes = bytes_of(R"(graph "g" {
    input x: f32[2]
    y = mine::Soft(x) "one" {steep: 2.0}
    z = mine::Soft(y) {leak: 0.25}
    output z
  })",
                               opsets);
  CHECK(nodes_of(with_functions(bytes, {soft})) ==
        "Soft_1/t = Elu(x) {alpha: 2.0}\n"
        "y = LeakyRelu(Soft_1/t) {alpha: 0.5}\n"
        "Soft_2/t = Elu(y)\n"
        "z = LeakyRelu(Soft_2/t) {alpha: 0.25}\n");
}

TEST_CASE("functions call functions, and an output may be an input") {
  Definition inner{"mine", "Inner", {"a"}, {"b", "a"}, "b = Relu(a)"};
  Definition outer{"mine", "Outer", {"p"}, {"q"}, "q, same = mine::Inner(p)"};
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[2]\ny = mine::Outer(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, {inner, outer})) ==
        "Outer_1/same = Identity(x)\n"
        "y = Relu(x)\n");
}

TEST_CASE("a function's nodes are written in the function's opset") {
  Definition old{"mine", "Old", {"a"}, {"b"}, "b = Squeeze(a) {axes: [0]}", {}, {}, 9};
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[1,2]\ny = mine::Old(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, {old})).find("Squeeze(x, ") != std::string::npos);
  old.opset = 99;
  CHECK(nodes_of(with_functions(bytes, {old})).find("cannot compile opset 99 of the default domain") !=
        std::string::npos);
}

TEST_CASE("a function takes precedence over an operator of its name") {
  Definition mine{"", "Relu", {"a"}, {"b"}, "b = Neg(a)"};
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[2]\ny = Relu(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, {mine})) == "y = Neg(x)\n");
}

TEST_CASE("names of a function's nested graphs follow the call") {
  Definition choose{"mine", "Choose", {"c", "a"}, {"b"}, R"(t = Relu(a)
    b = If(c) {else_branch: graph "else" {
      v = Abs(a)
      output v
    }, then_branch: graph "then" {
      u = Neg(t)
      output u
    }})"};
  std::string bytes = bytes_of(R"(graph "g" {
    input x: f32[2]
    input yes: bool[]
    y = mine::Choose(yes, x)
    output y
  })",
                               opsets);
  auto model = parse_bytes(with_functions(bytes, {choose}));
  REQUIRE_MESSAGE(model, message_of(model));
  std::string all = graph::to_text(*model->graph);
  CHECK_MESSAGE(all.find("Choose_1/u = Neg(Choose_1/t)") != std::string::npos, all);
  CHECK_MESSAGE(all.find("Choose_1/v = Abs(x)") != std::string::npos, all);
}

TEST_CASE("a function that calls itself is refused, with the way around") {
  Definition a{"mine", "A", {"x"}, {"y"}, "y = mine::B(x)"};
  Definition b{"mine", "B", {"x"}, {"y"}, "y = mine::A(x)"};
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[2]\ny = mine::A(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, {a, b})) ==
        "recursion: cannot expand function 'mine::A': it calls itself\n"
        "  at model.onnx\n  because 'mine::A' calls 'mine::B' calls 'mine::A'\n");
}

TEST_CASE("calls that do not fit their function are refused") {
  Definition one{"mine", "One", {"x"}, {"y"}, "y = Relu(x)"};
  auto call = [&](const std::string& line) {
    return nodes_of(
        with_functions(bytes_of("graph \"g\" {\ninput x: f32[2]\n" + line + "\noutput y\n}", opsets), {one}));
  };
  CHECK(call("y = mine::One(x, x)").find("cannot call 'mine::One': it has 1 inputs and 1 outputs, not 2 and 1") !=
        std::string::npos);
  CHECK(call("y = mine::One(x) {size: 1}").find("it has no attribute 'size'") != std::string::npos);
  CHECK(nodes_of(with_functions(bytes_of("graph \"g\" {\ninput x: f32[2]\noutput x\n}", opsets), {one, one})) ==
        "duplicate-name: cannot define function 'mine::One' twice\n  at model.onnx\n");
}

TEST_CASE("functions that call each other twice, and twice again, are refused before they fill the memory") {
  std::vector<Definition> doubling{{"mine", "F0", {"x"}, {"y"}, "y = Relu(x)"}};
  for (int i = 1; i < 40; ++i) {
    std::string below = "mine::F" + std::to_string(i - 1);
    doubling.push_back({"mine", "F" + std::to_string(i), {"x"}, {"y"}, "t = " + below + "(x)\ny = " + below + "(t)"});
  }
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[2]\ny = mine::F39(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, doubling)).find("too-large: cannot expand 'mine::F") != std::string::npos);
}

TEST_CASE("calls that nest too deeply are refused") {
  std::vector<Definition> chain{{"mine", "F0", {"x"}, {"y"}, "y = Relu(x)"}};
  for (int i = 1; i < 200; ++i) {
    chain.push_back({"mine", "F" + std::to_string(i), {"x"}, {"y"}, "y = mine::F" + std::to_string(i - 1) + "(x)"});
  }
  std::string bytes = bytes_of("graph \"g\" {\ninput x: f32[2]\ny = mine::F199(x)\noutput y\n}", opsets);
  CHECK(nodes_of(with_functions(bytes, chain)).find("its calls nest too deeply") != std::string::npos);
}

}  // namespace
}  // namespace modelctl::onnx
