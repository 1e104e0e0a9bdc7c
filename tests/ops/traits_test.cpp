// What the definitions claim about their operators, checked by evaluating the operators' own examples. A new operator
// needs no line here: a wrong trait fails.
#include "calls.hpp"
#include "ops/family/elementwise.hpp"
#include "ops/reference/activation.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace modelctl::test {
namespace {

using ops::AxisAttribute;
using ops::DataMovement;
using ops::Elementwise;
using ops::Example;
using ops::IdentityWhen;
using ops::OpDef;
using Ints = std::vector<std::int64_t>;

// Calls body(def, example) for each example that evaluate alone can run, of tensors.
template <class Body>
void for_each_example(Body&& body) {
  for (const OpDef* def : ops::table()) {
    if (def->infer == nullptr || ops::find_run(def->domain, def->name) == nullptr) continue;
    for (const Example& example : def->examples()) {
      auto collection = [](const Tensor& tensor) { return tensor.present() && is_collection(tensor.type()); };
      bool plain = example.graphs.empty() && std::none_of(example.inputs.begin(), example.inputs.end(), collection);
      INFO(ops::qualified(def->domain, def->name) << ": " << example.title);
      if (plain) body(*def, example);
    }
  }
}

Tensor with_rank(const Tensor& tensor, std::size_t rank) {
  Dims dims(rank - std::min(rank, tensor.dims().size()), 1);
  dims.insert(dims.end(), tensor.dims().begin(), tensor.dims().end());
  return tensor.reshaped(dims);
}

// The axes in reverse order, after axes of size 1 were put in front.
Tensor reversed(const Tensor& tensor, std::size_t rank) {
  Tensor padded = with_rank(tensor, rank);
  TensorView view = padded.view();
  auto made = ops::evaluate("", "Transpose", {}, std::span(&view, 1), 1);
  REQUIRE(made.has_value());
  return std::move((*made)[0]);
}

std::int64_t reversed_axis(std::int64_t axis, std::size_t rank) {
  return static_cast<std::int64_t>(rank) - 1 - (axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

// Each list of `rank` numbers in reverse order.
Tensor reversed_lists(const Tensor& lists, std::size_t rank) {
  if (lists.elements() == 0) return lists;
  auto axes = static_cast<std::int64_t>(rank);
  REQUIRE(lists.elements() % axes == 0);
  Tensor order(DType::i64, {axes});
  for (std::int64_t i = 0; i < axes; ++i)
    order.mutable_view().as<std::int64_t>()[static_cast<std::size_t>(i)] = axes - 1 - i;
  Tensor rows = lists.reshaped({lists.elements() / axes, axes});
  TensorView inputs[] = {rows.view(), order.view()};
  auto made = ops::evaluate("", "Gather", {{"axis", std::int64_t{1}}}, inputs, 1);
  REQUIRE(made.has_value());
  return (*made)[0].reshaped(lists.dims());
}

TEST_CASE("an operator commutes with a permutation of axes in the way that its traits say") {
  int tried = 0;
  for_each_example([&](const OpDef& def, const Example& example) {
    const ops::Traits& traits = def.traits;
    bool elementwise = traits.elementwise != Elementwise::no;
    if (!elementwise && traits.axis_attribute == AxisAttribute::none && traits.axes_input == 0 &&
        traits.per_axis_inputs.end == 0) {
      return;
    }
    std::vector<Tensor> inputs = example.inputs;
    Attributes attributes = example.attributes;
    bool all = traits.variadic || traits.elementwise == Elementwise::broadcasting;
    std::size_t operands = all ? inputs.size() : 1;
    std::size_t rank = elementwise ? 2 : 0;  // a vector as a row, which becomes a column
    for (std::size_t i = 0; i < operands; ++i) rank = std::max(rank, inputs[i].dims().size());
    if (attributes.has("axes")) return;
    for (const Tensor& output : example.outputs) {
      if (!elementwise && output.dims().size() != rank) return;  // the reduced axes are gone
    }
    for (std::size_t i = 0; i < operands; ++i) inputs[i] = reversed(inputs[i], rank);
    if (traits.axis_attribute != AxisAttribute::none) {
      std::int64_t absent = traits.axis_attribute == AxisAttribute::last ? -1 : 0;
      CHECK((traits.axis_attribute != AxisAttribute::required || attributes.has("axis")));
      attributes.set("axis", reversed_axis(attributes.integer("axis", absent), rank));
    }
    auto present = [&](std::size_t i) { return i < inputs.size() && inputs[i].present(); };
    if (traits.axes_input != 0 && present(traits.axes_input)) {
      Tensor& list = inputs[traits.axes_input];
      REQUIRE(list.type() == DType::i64);
      Tensor renumbered(DType::i64, list.dims());
      std::transform(list.as<std::int64_t>().begin(), list.as<std::int64_t>().end(),
                     renumbered.mutable_view().as<std::int64_t>().begin(),
                     [&](std::int64_t axis) { return reversed_axis(axis, rank); });
      list = std::move(renumbered);
    } else {
      for (std::size_t i = traits.per_axis_inputs.first; i < traits.per_axis_inputs.end; ++i) {
        if (present(i)) inputs[i] = reversed_lists(inputs[i], rank);
      }
    }
    auto outputs = ops::evaluate(def.domain, def.name, attributes, views(inputs), example.outputs.size());
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    for (std::size_t i = 0; i < example.outputs.size(); ++i) {
      if (!example.outputs[i].present()) continue;
      CHECK(difference((*outputs)[i], reversed(example.outputs[i], rank), example.tolerance) == "");
    }
    ++tried;
  });
  CHECK(tried > 100);
}

TEST_CASE("an operator that its traits call an identity gives its input back") {
  for_each_example([](const OpDef& def, const Example& example) {
    if (example.inputs.empty()) return;
    const Tensor& x = example.inputs[0];
    if (def.traits.variadic) {
      TensorView view = x.view();
      auto outputs = ops::evaluate(def.domain, def.name, example.attributes, std::span(&view, 1), 1);
      REQUIRE(outputs.has_value());
      CHECK(same((*outputs)[0], x));
    }
    if (def.traits.identity == IdentityWhen::never) return;
    const Tensor& y = example.outputs[0];
    if (def.traits.identity == IdentityWhen::always) CHECK(same(y, x));
    if (y.type() == x.type() && y.dims() == x.dims()) CHECK(same(y, x));
  });
}

TEST_CASE("an operator that its traits call a data movement gives each element once") {
  for_each_example([](const OpDef& def, const Example& example) {
    if (def.traits.data_movement == DataMovement::none) return;
    const Tensor &x = example.inputs[0], &y = example.outputs[0];
    REQUIRE(y.type() == x.type());
    REQUIRE(y.elements() == x.elements());
    if (def.traits.data_movement == DataMovement::reshape) CHECK(same(y.reshaped(x.dims()), x));
    if (x.type() != DType::f32) return;
    std::vector<float> before(x.as<float>().begin(), x.as<float>().end());
    std::vector<float> after(y.as<float>().begin(), y.as<float>().end());
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    CHECK(before == after);
  });
}

TEST_CASE("forms for channels last have an operator of the default domain, and epilogues their attribute") {
  for (const OpDef* def : ops::table()) {
    INFO(ops::qualified(def->domain, def->name));
    if (def->traits.channels_last) {
      CHECK(def->domain == "modelctl");
      CHECK(ops::find("", def->name) != nullptr);
      CHECK(ops::has_channels_last_form(def->name));
    }
    if (!def->traits.epilogue) continue;
    CHECK(std::any_of(def->attributes.begin(), def->attributes.end(),
                      [](const ops::AttributeDef& each) { return each.name == "activation"; }));
  }
}

TEST_CASE("the default of an attribute changes nothing") {
  for_each_example([](const OpDef& def, const Example& example) {
    for (const ops::AttributeDef& attribute : def.attributes) {
      if (attribute.absent.empty() || example.attributes.has(attribute.name)) continue;
      if (attribute.name == "activation") continue;  // its alpha and beta would be without meaning
      Attributes attributes = example.attributes;
      attributes.set(std::string(attribute.name), std::string(attribute.absent));
      auto outputs = ops::evaluate(def.domain, def.name, attributes, views(example.inputs), 1);
      REQUIRE(outputs.has_value());
      CHECK(difference((*outputs)[0], example.outputs[0], example.tolerance) == "");
    }
  });
}

// A node of the operator over some points, with the bounds of Clip.
struct Points {
  std::unique_ptr<graph::Graph> graph = std::make_unique<graph::Graph>();
  graph::Node* node;
  Tensor x = Tensor::of<float>(DType::f32, {7}, {-8, -2, -0.5f, 0, 0.5f, 2, 8});

  explicit Points(std::string_view op) {
    node = graph->add_node("", op, {graph->add_input("x", graph::type_of(x))}, {"y"});
    if (op != "Clip") return;
    node->set_input(1, graph->add_constant("min", Tensor::scalar(DType::f32, -1.0f)));
    node->set_input(2, graph->add_constant("max", Tensor::scalar(DType::f32, 1.0f)));
  }
  Tensor evaluate() const {
    std::vector<TensorView> inputs{x.view()};
    for (std::size_t i = 1; i < node->inputs().size(); ++i) inputs.push_back(node->input(i)->constant.view());
    auto outputs = ops::evaluate("", node->op, node->attributes, inputs, 1);
    REQUIRE(outputs.has_value());
    return std::move((*outputs)[0]);
  }
};

TEST_CASE("each activation computes what its operator does") {
  constexpr std::string_view operators[] = {
#define ACTIVATION(name, op, ...) op,
#include "kernels/unary.def"
  };
  for (std::string_view op : operators) {
    INFO(op);
    Points points(op);
    auto function = ops::unary_function(*points.node);
    REQUIRE(function.has_value());
    CHECK(function->activation);
    auto activation = ops::Activation::read(function->attributes("activation"));
    REQUIRE(activation.has_value());
    Tensor y = points.evaluate();
    for (std::size_t i = 0; i < 7; ++i) {
      CHECK(std::fabs((*activation)(double{points.x.as<float>()[i]}) - double{y.as<float>()[i]}) < 1e-6);
    }
  }
}

TEST_CASE("a node is a function of the table only with the parameters that the function has") {
  Points gelu("Gelu");
  gelu.node->attributes.set("approximate", std::string("none"));
  CHECK(ops::unary_function(*gelu.node).has_value());
  gelu.node->attributes.set("approximate", std::string("tanh"));
  CHECK_FALSE(ops::unary_function(*gelu.node).has_value());

  Points clip("Clip");
  clip.node->set_input(2, clip.graph->add_input("bound", graph::Type{DType::f32, graph::Shape{}}));
  CHECK_FALSE(ops::unary_function(*clip.node).has_value());

  Points slope("LeakyRelu");
  slope.node->attributes.set("alpha", 0.5f);
  CHECK(ops::unary_function(*slope.node)->alpha == 0.5f);
}

TEST_CASE("the cost of a product is its multiplications, and saturates") {
  graph::Graph graph;
  Tensor a(DType::f32, {3, 5}), b(DType::f32, {5, 7});
  graph::Node* node = graph.add_node("", "MatMul", {graph.add_constant("a", a), graph.add_constant("b", b)}, {"y"});
  REQUIRE(ops::infer(*node).has_value());
  CHECK(ops::find("", "MatMul")->traits.multiplications(*node) == 3 * 5 * 7);
  graph::Node* sum = graph.add_node("", "Einsum", {node->input(0), node->input(1), node->input(0)}, {"z"});
  CHECK(ops::find("", "Einsum")->traits.multiplications(*sum) == 15 * 35 * 15);
}

}  // namespace
}  // namespace modelctl::test
