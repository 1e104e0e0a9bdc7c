// The ONNX reader, over models that are encoded by hand if the writer could not express them.
#include "onnx/model.hpp"

#include "models.hpp"
#include "onnx/wire.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <filesystem>

namespace modelctl::onnx {
namespace {

using namespace test;
using protozero::pbf_writer;

constexpr const char* small = R"(graph "net" {
  input x: f32[batch,2]
  const w: f32[2] = [0.5, -1.0]
  y: f32[batch,2] = Add(x, w) "add"
  output y
}
)";

// A model of one graph, whose parts the caller writes.
template <class F>
std::string model_of(F&& parts) {
  std::string bytes;
  pbf_writer model(bytes);
  model.add_int64(1, 8);
  {
    pbf_writer graph(model, 7);
    graph.add_string(2, "net");
    parts(graph);
  }
  pbf_writer opset(model, 8);
  opset.add_int64(2, 21);
  return bytes;
}

void add_output(pbf_writer& graph, const std::string& name) { pbf_writer(graph, 12).add_string(1, name); }

TEST_CASE("a graph that was written is read back") {
  auto model = parse_bytes(bytes_of(small, {.opsets = {{"", 17}, {"ai.onnx.ml", 3}}}));
  REQUIRE(model);
  auto& metadata = model->graph->metadata;
  CHECK(metadata["model"] == "net");
  CHECK(metadata["source.opset"] == "17, ai.onnx.ml 3");
  CHECK(metadata["source.producer"] == "modelctl");
  CHECK(metadata["source"].substr(0, 7) == "sha256:");
  metadata.clear();
  CHECK(graph::to_text(*model->graph) == small);
}

TEST_CASE("subgraphs use values of the graph around them") {
  const char* text = R"(graph "net" {
  input c: bool[]
  input x: f32[2]
  z: f32[2] = If(c) {else_branch: graph "else" {
    a: f32[2] = Neg(x)
    output a
  }, then_branch: graph "then" {
    output x
  }}
  output z
}
)";
  auto model = parse_bytes(bytes_of(text));
  REQUIRE(model);
  model->graph->metadata.clear();
  CHECK(graph::to_text(*model->graph) == text);
}

TEST_CASE("an initializer that is listed as an input is not an input") {
  auto model = parse_bytes(bytes_of(small, {.ir_version = 3, .initializers_as_inputs = true}));
  REQUIRE(model);
  REQUIRE(model->graph->inputs.size() == 1);
  CHECK(model->graph->inputs[0]->name == "x");
}

TEST_CASE("from IR version 4 on, a small initializer that is listed as an input is an optional input") {
  auto inputs_of = [](std::string_view text) {
    auto model = load(bytes_of(text, {.initializers_as_inputs = true}));
    REQUIRE_MESSAGE(model.has_value(), message_of(model));
    std::vector<std::string> names;
    for (const graph::Value* input : model->graph->inputs) names.push_back(input->name);
    return names;
  };
  CHECK(inputs_of(R"(graph "net" {
  input x: f32[2]
  const w: f32[2] = [0.5, 1.0]
  y = Add(x, w)
  output y
})") == std::vector<std::string>{"x", "w"});
  // A model that lists all of its weights does not mean them to be overridden.
  CHECK(inputs_of(R"(graph "net" {
  input x: f32[4097]
  const w: f32[4097] = ...
  y = Add(x, w)
  output y
})") == std::vector<std::string>{"x"});
}

TEST_CASE("a Constant node of any form becomes a constant") {
  const char* text = R"(graph "net" {
    a = Constant() {value: tensor i8[2] [1, 2]}
    b = Constant() {value_int: 7}
    c = Constant() {value_ints: [7, 8]}
    d = Constant() {value_float: 0.5}
    e = Constant() {value_floats: [0.5, 1.0]}
    f = Constant() {value_string: "s"}
    g = Constant() {value_strings: ["s", "t"]}
    output a
    output b
    output c
    output d
    output e
    output f
    output g
  })";
  std::string bytes = bytes_of(text);
  auto model = parse_bytes(bytes);
  REQUIRE(model);
  model->graph->metadata.clear();
  CHECK(graph::to_text(*model->graph) == R"(graph "net" {
  const a: i8[2] = [1, 2]
  const b: i64[] = [7]
  const c: i64[2] = [7, 8]
  const d: f32[] = [0.5]
  const e: f32[2] = [0.5, 1.0]
  const f: string[] = ["s"]
  const g: string[2] = ["s", "t"]
  output a
  output b
  output c
  output d
  output e
  output f
  output g
}
)");
}

TEST_CASE("dimensions without a size or a name become symbols of their own") {
  auto input = [](pbf_writer& graph, const std::string& name, auto&& dims) {
    pbf_writer value(graph, 11);
    value.add_string(1, name);
    pbf_writer type(value, 2);
    pbf_writer tensor(type, 1);
    tensor.add_int32(1, 1);
    pbf_writer shape(tensor, 2);
    dims(shape);
  };
  auto size = [](pbf_writer& shape, std::int64_t number) { pbf_writer(shape, 1).add_int64(1, number); };
  auto symbol = [](pbf_writer& shape, const char* name) { pbf_writer(shape, 1).add_string(2, name); };
  std::string bytes = model_of([&](pbf_writer& graph) {
    input(graph, "x", [&](pbf_writer& shape) {
      size(shape, 0);
      size(shape, 3);
      size(shape, -1);
      symbol(shape, "n");
      symbol(shape, "?");
      pbf_writer(shape, 1).add_string(3, "no size at all");
    });
    input(graph, "y", [&](pbf_writer& shape) { symbol(shape, "x_dim_2"); });
    input(graph, "z", [&](pbf_writer& shape) {
      symbol(shape, "n");
      symbol(shape, "n");
    });
    add_output(graph, "x");
  });
  auto model = parse_bytes(bytes);
  REQUIRE(model);
  CHECK(describe(model->graph->inputs[0]->type) == "f32[x_dim_1,3,x_dim_3,n,x_dim_4,x_dim_5]");
  CHECK(describe(model->graph->inputs[2]->type) == "f32[n,n_1]");
}

TEST_CASE("weights point into the file if they are aligned and are copied if not") {
  for (std::size_t pad = 0; pad < 4; ++pad) {
    std::string bytes = model_of([&](pbf_writer& graph) {
      graph.add_string(10, std::string(pad, 'x'));
      pbf_writer tensor(graph, 5);
      tensor.add_int64(1, 2);
      tensor.add_int32(2, 1);
      tensor.add_string(8, "w");
      float values[] = {1.5f, -2.0f};
      tensor.add_bytes(9, reinterpret_cast<const char*>(values), sizeof values);
      tensor.commit();
      add_output(graph, "w");
    });
    auto model = parse_bytes(bytes);
    REQUIRE(model);
    const Tensor& w = model->graph->find_value("w")->constant;
    CHECK(w.as<float>()[1] == -2.0f);
    auto* data = w.bytes().data();
    bool inside = data >= as_bytes(bytes).data() && data < as_bytes(bytes).data() + bytes.size();
    auto at = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.find(std::string("\0\0\xc0\x3f", 4));
    CHECK(inside == (at % 4 == 0));
  }
}

TEST_CASE("typed lists are read in packed and in single form") {
  struct Case {
    DType type;
    int field;
    std::vector<std::int64_t> entries;
    const char* text;
  };
  const Case cases[] = {
      {DType::i32, 5, {-1, 2}, "i32[2] = [-1, 2]"},
      {DType::i8, 5, {-1, 2}, "i8[2] = [-1, 2]"},
      {DType::u16, 5, {65535, 2}, "u16[2] = [65535, 2]"},
      {DType::boolean, 5, {1, 0}, "bool[2] = [true, false]"},
      {DType::f16, 5, {0x3c00, 0xc000}, "f16[2] = \"003c00c0\""},
      {DType::u4, 5, {0x21}, "u4[2] = \"21\""},
      {DType::i64, 7, {-5, 6}, "i64[2] = [-5, 6]"},
      {DType::u32, 11, {4294967295, 6}, "u32[2] = [4294967295, 6]"},
  };
  for (const Case& one : cases) {
    for (bool packed : {false, true}) {
      CAPTURE(one.text);
      CAPTURE(packed);
      std::string bytes = model_of([&](pbf_writer& graph) {
        pbf_writer tensor(graph, 5);
        tensor.add_int64(1, 2);
        tensor.add_int32(2, static_cast<int>(one.type));
        tensor.add_string(8, "w");
        auto field = static_cast<protozero::pbf_tag_type>(one.field);
        if (packed) tensor.add_packed_int64(field, one.entries.begin(), one.entries.end());
        else
          for (std::int64_t entry : one.entries) tensor.add_int64(field, entry);
        tensor.commit();
        add_output(graph, "w");
      });
      auto model = parse_bytes(bytes);
      if (!model) FAIL(message_of(model));
      CHECK(graph::to_text(*model->graph).find(one.text) != std::string::npos);
    }
  }
}

TEST_CASE("truth values in raw bytes are made 0 or 1") {
  std::string bytes = model_of([&](pbf_writer& graph) {
    pbf_writer tensor(graph, 5);
    tensor.add_int64(1, 3);
    tensor.add_int32(2, static_cast<int>(DType::boolean));
    tensor.add_string(8, "w");
    tensor.add_bytes(9, std::string("\0\x01\xff", 3));
    tensor.commit();
    add_output(graph, "w");
  });
  auto model = parse_bytes(bytes);
  REQUIRE(model);
  CHECK(model->graph->find_value("w")->constant.bytes()[2] == std::byte{1});
}

TEST_CASE("a file that is not a model is distinguished from a truncated model") {
  auto refusal = [](std::string bytes) { return message_of(parse_bytes(bytes)); };
  CHECK(refusal("") == "no-onnx: cannot read 'model.onnx': it is not an ONNX model\n  because it is empty\n");
  CHECK(refusal("hello, world") ==
        "no-onnx: cannot read 'model.onnx': it is not an ONNX model\n  because an ONNX model has no field 13\n");
  CHECK(refusal("PK\x03\x04 and so on") ==
        "no-onnx: cannot read 'model.onnx': it is not an ONNX model\n  because an ONNX model has no field 10\n");
  std::string whole = bytes_of(small);
  CHECK(refusal(whole.substr(0, 60)) ==
        "truncated-model: cannot read 'model.onnx': the model is cut short\n"
        "  because the file ends after 60 bytes, within the graph\n  help copy or download the whole file\n");
  CHECK(refusal(whole.substr(0, whole.size() - 6)) ==
        "truncated-model: cannot read 'model.onnx': it has no opset\n"
        "  because every model has one; the file may be cut short\n");
}

TEST_CASE("a model cut at any byte is refused") {
  std::string whole = bytes_of(small);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_bytes(whole.substr(0, size)));
  }
}

TEST_CASE("a model with any byte altered is read or refused") {
  std::string whole = bytes_of(small);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (char flip : {'\x01', '\x7f', '\x80'}) {
      std::string altered = whole;
      altered[at] = static_cast<char>(altered[at] ^ flip);
      auto model = parse_bytes(altered);
      if (!model) CHECK(model.error().kind != Kind::bug);
    }
  }
}

TEST_CASE("a tensor that claims more than it holds is refused before memory is asked for") {
  auto claim = [](std::vector<std::int64_t> dims, std::int32_t type, std::size_t held = 8) {
    return message_of(parse_bytes(model_of([&](pbf_writer& graph) {
      pbf_writer tensor(graph, 5);
      for (std::int64_t dim : dims) tensor.add_int64(1, dim);
      tensor.add_int32(2, type);
      tensor.add_string(8, "w");
      tensor.add_bytes(9, std::string(held, '\0'));
      tensor.commit();
      add_output(graph, "w");
    })));
  };
  std::string at = "\n  at model.onnx: graph 'net', initializer 'w'\n";
  CHECK(claim({std::int64_t{1} << 62}, 1) ==
        "bad-tensor: cannot read tensor 'w': it claims to be f32[4611686018427387904], which exceeds any memory" + at);
  CHECK(claim({1 << 30, 1 << 30, 1 << 30}, 1) ==
        "bad-tensor: cannot read tensor 'w': it claims to be f32[1073741824,1073741824,1073741824], "
        "which exceeds any memory" +
            at);
  CHECK(claim({-1}, 1) == "bad-tensor: cannot read tensor 'w': it claims to be f32[-1], which exceeds any memory" + at);
  CHECK(claim({3}, 1) == "bad-tensor: cannot read tensor 'w': it claims to be f32[3] but holds 8 bytes" + at);
  // Half a byte each: as many bits as an integer of 64 bits can just not count.
  CHECK(claim({std::int64_t{1} << 62}, 21, 0) ==
        "bad-tensor: cannot read tensor 'w': it claims to be u4[4611686018427387904] but holds 0 bytes" + at);
  CHECK(claim({2}, 99) == "bad-tensor: cannot read tensor 'w': element type 99 is unknown" + at);
  CHECK(claim(std::vector<std::int64_t>(17, 1), 1) == "bad-tensor: cannot read tensor 'w': its rank is 17" + at);
}

TEST_CASE("a cycle is refused with its nodes named") {
  graph::Graph graph("net");
  graph::Value* x = graph.add_input("x", {DType::f32, graph::Shape{2}});
  graph::Value *a = graph.add_value("a"), *b = graph.add_value("b");
  graph.add_node_for("", "Add", {x, b}, {a})->name = "first";
  graph.add_node_for("", "Mul", {a, a}, {b})->name = "second";
  graph.add_output(b);
  CHECK(message_of(parse_bytes(write(graph))) ==
        "cycle: cannot order the nodes of graph 'net': they form a cycle\n  at model.onnx: node 'second' (Mul)\n"
        "  because each needs the one before: node 'second' (Mul), node 'first' (Add)\n");
}

TEST_CASE("undefined and duplicate names are all reported") {
  auto node = [](pbf_writer& graph, const char* input, const char* output) {
    pbf_writer node(graph, 1);
    node.add_string(1, input);
    node.add_string(2, output);
    node.add_string(4, "Relu");
  };
  std::string bytes = model_of([&](pbf_writer& graph) {
    node(graph, "x", "y");
    node(graph, "y", "y");
    add_output(graph, "z");
  });
  CHECK(message_of(parse_bytes(bytes)) ==
        "duplicate-name: cannot define 'y' as an output: it is defined already\n"
        "  at model.onnx: the node of 'y' (Relu)\n"
        "no-producer: cannot use 'x': no node, input or initializer defines it\n"
        "  at model.onnx: the node of 'y' (Relu)\n"
        "no-producer: cannot output 'z': no node, input or initializer defines it\n"
        "  at model.onnx: graph 'net', output 'z'\n");
}

TEST_CASE("sequences, optionals and maps are read with what they hold") {
  const char* text = R"(graph "net" {
  input s: sequence<f32[batch,?]>
  input o: optional<sequence<i64[]>>
  input m: map<string,f32[]>
  input t: sequence<map<i64,f32[]>>
  output s
}
)";
  std::string expected = text;
  std::string named = expected;
  named.replace(named.find("?"), 1, "s_dim_1");
  expected.replace(expected.find("?"), 1, "s_dim_1");
  auto model = parse_bytes(bytes_of(named.c_str(), {}));
  REQUIRE(model);
  model->graph->metadata.clear();
  CHECK(graph::to_text(*model->graph) == expected);
}

TEST_CASE("types that nest too deeply and maps with other keys are refused") {
  auto with_input = [](const std::string& type) {
    return model_of([&](pbf_writer& graph) {
      pbf_writer value(graph, 11);
      value.add_string(1, "x");
      value.add_message(2, type);
    });
  };
  std::string deep;
  for (int i = 0; i < 6; ++i) {
    std::string sequence, outer;
    pbf_writer(sequence).add_message(1, deep);
    pbf_writer(outer).add_message(4, sequence);
    deep = outer;
  }
  CHECK(message_of(parse_bytes(with_input(deep)))
            .starts_with("bad-type: cannot read the type of a value: it nests too deeply\n"));
  std::string map, type;
  pbf_writer(map).add_int32(1, 1);
  pbf_writer(type).add_message(5, map);
  CHECK(message_of(parse_bytes(with_input(type)))
            .starts_with("bad-type: cannot read the type of a value: maps have keys of type i64 or string\n"));
}

TEST_CASE("an input without a declared element type is refused") {
  std::string bytes = model_of([&](pbf_writer& graph) {
    pbf_writer(graph, 11).add_string(1, "x");
    add_output(graph, "x");
  });
  CHECK(message_of(parse_bytes(bytes)) ==
        "unknown-type: cannot use input 'x': the model does not declare its element type\n"
        "  at model.onnx: graph 'net', input 'x'\n");
}

// A model whose output is a sparse initializer of f32 values 1, 2, … at these indices.
std::string sparse_model(const std::vector<std::int64_t>& indices, std::int64_t count, const Dims& dims,
                         const Dims& index_dims) {
  return model_of([&](pbf_writer& graph) {
    {
      pbf_writer sparse(graph, 15);
      {
        pbf_writer values(sparse, 1);
        values.add_int64(1, count);
        values.add_int32(2, 1);
        for (std::int64_t i = 0; i < count; ++i) values.add_float(4, static_cast<float>(i + 1));
        values.add_string(8, "s");
      }
      {
        pbf_writer where(sparse, 2);
        for (std::int64_t dim : index_dims) where.add_int64(1, dim);
        where.add_int32(2, 7);
        for (std::int64_t index : indices) where.add_int64(7, index);
      }
      for (std::int64_t dim : dims) sparse.add_int64(3, dim);
    }
    add_output(graph, "s");
  });
}

TEST_CASE("a sparse initializer becomes dense, with flat indices or coordinates") {
  for (const auto& bytes : {sparse_model({1, 5}, 2, {2, 3}, {2}), sparse_model({0, 1, 1, 2}, 2, {2, 3}, {2, 2})}) {
    auto model = parse_bytes(bytes);
    REQUIRE_MESSAGE(model, message_of(model));
    CHECK(same(model->graph->find_value("s")->constant, Tensor::of<float>(DType::f32, {2, 3}, {0, 1, 0, 0, 0, 2})));
  }
}

TEST_CASE("a sparse initializer that claims what it does not hold is refused") {
  CHECK(message_of(parse_bytes(sparse_model({1, 6}, 2, {2, 3}, {2}))) ==
        "bad-tensor: cannot read sparse tensor 's': the index of value 1 is outside of f32[2,3]\n"
        "  at model.onnx: graph 'net', initializer 's'\n");
  CHECK(
      message_of(parse_bytes(sparse_model({0, -1, 1, 2}, 2, {2, 3}, {2, 2}))).find("the index of value 0 is outside") !=
      std::string::npos);
  CHECK(message_of(parse_bytes(sparse_model({1}, 2, {2, 3}, {1}))).find("its 2 values do not have an index each") !=
        std::string::npos);
  CHECK(message_of(parse_bytes(sparse_model({1}, 1, {1 << 20, 1 << 20}, {1})))
            .find("more than a model may take in dense form") != std::string::npos);
}

// A model with one tensor of 3 floats in another file.
std::string external_model(const std::vector<std::pair<std::string, std::string>>& entries) {
  return model_of([&](pbf_writer& graph) {
    pbf_writer tensor(graph, 5);
    tensor.add_int64(1, 3);
    tensor.add_int32(2, 1);
    tensor.add_string(8, "w");
    tensor.add_enum(14, 1);
    for (const auto& [key, value] : entries) {
      pbf_writer entry(tensor, 13);
      entry.add_string(1, key);
      entry.add_string(2, value);
    }
    tensor.commit();
    add_output(graph, "w");
  });
}

TEST_CASE("a missing external file is named once, with the number of tensors in it") {
  std::string model = model_of([&](pbf_writer& graph) {
    for (std::string name : {"a", "b", "c"}) {
      pbf_writer tensor(graph, 5);
      tensor.add_int64(1, 3);
      tensor.add_int32(2, 1);
      tensor.add_string(8, name);
      tensor.add_enum(14, 1);
      pbf_writer entry(tensor, 13);
      entry.add_string(1, "location");
      entry.add_string(2, name == "c" ? "other.bin" : "gone.bin");
    }
    add_output(graph, "a");
  });
  CHECK(message_of(parse_bytes(model)) ==
        "no-such-external-data: cannot open external data 'gone.bin'\n  at model.onnx\n"
        "  because tensor 'a' and one other are stored there\n  because No such file or directory\n"
        "  help put 'gone.bin' next to the model: it holds part of its weights\n"
        "no-such-external-data: cannot open external data 'other.bin'\n  at model.onnx\n"
        "  because tensor 'c' is stored there\n  because No such file or directory\n"
        "  help put 'other.bin' next to the model: it holds part of its weights\n");
}

TEST_CASE("external data is read from the model's folder and nowhere else") {
  modelctl::test::Scratch scratch;
  auto folder = scratch / "model";
  REQUIRE(make_folder(folder));
  float values[] = {9, 1, 2, 3};
  REQUIRE(write_file(folder / "w.bin", std::as_bytes(std::span(values))));
  REQUIRE(write_file(scratch / "secret", std::as_bytes(std::span(values))));
  std::filesystem::create_symlink("../secret", folder / "link");
  std::filesystem::create_symlink("w.bin", folder / "inner");
  auto read = [&](const std::vector<std::pair<std::string, std::string>>& entries) {
    return parse_bytes(external_model(entries), folder);
  };
  auto model = read({{"location", "w.bin"}, {"offset", "4"}, {"length", "12"}});
  if (!model) FAIL(message_of(model));
  CHECK(model->graph->find_value("w")->constant.as<float>()[2] == 3);
  CHECK(model->graph->metadata["source.external.w.bin"].substr(0, 7) == "sha256:");
  CHECK(read({{"location", "inner"}, {"offset", "4"}}));

  std::string at = "\n  at model.onnx: graph 'net', initializer 'w'";
  std::string stored = "\n  at model.onnx\n  because tensor 'w' is stored there\n";
  CHECK(message_of(read({{"location", "gone.bin"}})) ==
        "no-such-external-data: cannot open external data 'gone.bin'" + stored +
            "  because No such file or directory"
            "\n  help put 'gone.bin' next to the model: it holds part of its weights\n");
  for (std::string location : {"../secret", "/etc/passwd", "a/../../secret", "link"}) {
    CHECK(message_of(read({{"location", location}})) == "external-data-outside: cannot use external data '" + location +
                                                            "': it is outside the model's folder" + stored);
  }
  CHECK(message_of(read({{"location", "."}})) ==
        "bad-external-data: cannot use external data '.': it is not a regular file" + stored);
  CHECK(message_of(read({{"location", "w.bin"}, {"offset", "8"}})) ==
        "bad-external-data: cannot read tensor 'w': its 12 bytes at offset 8 are beyond the end of 'w.bin', which has "
        "16" +
            at + "\n");
  CHECK(message_of(read({{"location", "w.bin"}, {"length", "16"}})) ==
        "bad-external-data: cannot read tensor 'w': f32[3] takes 12 bytes but its external data has 16" + at + "\n");
  CHECK(message_of(read({{"location", "w.bin"}, {"offset", "-4"}})) ==
        "bad-external-data: cannot read tensor 'w': external data with offset '-4'" + at + "\n");
}

}  // namespace
}  // namespace modelctl::onnx
