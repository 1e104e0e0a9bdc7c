// Properties of every operator in the table. A new operator needs no line here.
#include "calls.hpp"
#include "ops/reference/run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

namespace modelctl::test {
namespace {

using ops::Example;
using ops::OpDef;

template <class Body>
void for_each_example(Body&& body) {
  for (const OpDef* def : ops::table()) {
    if (def->infer == nullptr) continue;
    for (const Example& example : def->examples()) {
      INFO(ops::qualified(def->domain, def->name) << ": " << example.title);
      body(*def, example);
    }
  }
}

TEST_CASE("each operator is in the table once, with everything that the table requires") {
  std::set<std::string> seen;
  for (const OpDef* def : ops::table()) {
    std::string name = ops::qualified(def->domain, def->name);
    INFO(name);
    CHECK(seen.insert(name).second);
    CHECK(def->since > 0);
    CHECK_FALSE(def->summary.empty());
    if (def->infer == nullptr) {
      CHECK(static_cast<bool>(def->upgrade));
      CHECK_FALSE(static_cast<bool>(def->examples));
      continue;
    }
    CHECK((ops::find_run(def->domain, def->name) != nullptr || def->decompose != nullptr));
    REQUIRE(static_cast<bool>(def->examples));
    CHECK_FALSE(def->examples().empty());
  }
}

TEST_CASE("each run half belongs to an operator") {
  for (const runtime::OpRun* run : ops::run_table()) {
    INFO(run->name);
    CHECK(ops::find(run->domain, run->name) != nullptr);
  }
}

TEST_CASE("every example keeps its operator's schema") {
  for_each_example([](const OpDef& def, const Example& example) {
    auto made = node_of(def, example, Known::shapes);
    Faults faults;
    ops::check_schema(*made.node, def, faults);
    CHECK(faults.none());
  });
}

// Each attribute of each operator that a model may have.
template <class Body>
void for_each_attribute(Body&& body) {
  for (const OpDef* def : ops::table()) {
    if (def->infer == nullptr) continue;
    for (const ops::AttributeDef& attribute : def->attributes) {
      INFO(ops::qualified(def->domain, def->name) << ": " << attribute.name);
      body(*def, attribute);
    }
  }
}

TEST_CASE("what the absence of a text means is one of the texts that the attribute may have") {
  for_each_attribute([](const OpDef&, const ops::AttributeDef& attribute) {
    auto texts = ops::texts_of(attribute);
    if (texts.empty()) CHECK(attribute.absent == "");
    else if (!attribute.required) CHECK(std::count(texts.begin(), texts.end(), attribute.absent) == 1);
    CHECK(std::set(texts.begin(), texts.end()).size() == texts.size());
    CHECK((texts.empty() || attribute.type == ops::AttributeType::text));
  });
}

TEST_CASE("a text that is not one of those that the attribute may have is refused when the model is read") {
  std::size_t attributes = 0;
  for_each_attribute([&](const OpDef& def, const ops::AttributeDef& attribute) {
    if (ops::texts_of(attribute).empty()) return;
    ++attributes;
    auto made = node_of(def, def.examples()[0], Known::shapes);
    made.node->attributes.set(std::string(attribute.name), std::string("other"));
    Faults faults;
    ops::check_schema(*made.node, def, faults);
    REQUIRE(faults.count() == 1);
    CHECK(std::move(faults).sum("").what.starts_with("cannot use attribute '" + std::string(attribute.name) + "' of " +
                                                     ops::qualified(def.domain, def.name) +
                                                     " with the value 'other': it must be one of "));
  });
  CHECK(attributes > 0);
}

TEST_CASE("every text that an attribute may have is accepted") {
  for_each_attribute([&](const OpDef& def, const ops::AttributeDef& attribute) {
    for (std::string_view text : ops::texts_of(attribute)) {
      auto made = node_of(def, def.examples()[0], Known::shapes);
      made.node->attributes.set(std::string(attribute.name), std::string(text));
      Faults faults;
      ops::check_schema(*made.node, def, faults);
      CHECK(faults.none());
    }
  });
}

TEST_CASE("evaluate gives the outputs of every example") {
  for_each_example([](const OpDef& def, const Example& example) {
    // A nested graph is more than evaluate alone can run: lowered_test does.
    if (ops::find_run(def.domain, def.name) == nullptr || !example.graphs.empty()) return;
    auto outputs =
        ops::evaluate(def.domain, def.name, example.attributes, views(example.inputs), example.outputs.size());
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    for (std::size_t i = 0; i < example.outputs.size(); ++i) {
      if (example.outputs[i].present()) CHECK(difference((*outputs)[i], example.outputs[i], example.tolerance) == "");
    }
  });
}

// A size that inference left open agrees with any.
void check_type(const graph::Value& value, const Tensor& expected, bool exact) {
  CHECK(value.type.element == expected.type());
  if (!value.type.shape) {
    CHECK_FALSE(exact);
    return;
  }
  REQUIRE(value.type.shape->size() == expected.dims().size());
  for (std::size_t axis = 0; axis < expected.dims().size(); ++axis) {
    graph::Expr size =
        (*value.type.shape)[axis].substitute([](const std::string& symbol) -> std::optional<graph::Expr> {
          if (symbol[0] != 'n') return std::nullopt;
          return graph::Expr(std::stoll(symbol.substr(1)));
        });
    INFO("axis " << axis << ": " << size.text());
    if (size.constant()) CHECK(*size.constant() == expected.dims()[axis]);
  }
  if (!value.contents) return;
  REQUIRE(static_cast<std::int64_t>(value.contents->size()) == expected.elements());
  if (!is_integer(expected.type())) return;
  auto elements = ops::integers(expected.view(), "");
  REQUIRE(elements.has_value());
  for (std::size_t i = 0; i < elements->size(); ++i) {
    graph::Expr element = (*value.contents)[i].substitute([](const std::string& symbol) -> std::optional<graph::Expr> {
      if (symbol[0] != 'n') return std::nullopt;
      return graph::Expr(std::stoll(symbol.substr(1)));
    });
    if (element.constant()) CHECK(*element.constant() == (*elements)[i]);
  }
}

TEST_CASE("infer predicts types and shapes of every example, from constants, shapes and symbols") {
  for_each_example([](const OpDef& def, const Example& example) {
    for (Known known : {Known::constants, Known::shapes, Known::symbols}) {
      auto made = node_of(def, example, known);
      auto inferred = ops::infer(*made.node);
      REQUIRE_MESSAGE(inferred.has_value(), (inferred ? "" : inferred.error().what));
      for (std::size_t i = 0; i < example.outputs.size(); ++i) {
        if (example.outputs[i].present()) check_type(*made.node->output(i), example.outputs[i], false);
      }
    }
  });
}

TEST_CASE("infer takes nodes of which nothing is known") {
  for_each_example([](const OpDef& def, const Example& example) {
    auto made = node_of(def, example, Known::shapes);
    for (graph::Value* input : made.graph->inputs) input->type = graph::Type{};
    (void)ops::infer(*made.node);
    for (graph::Value* input : made.graph->inputs) input->type.element = DType::i64;
    (void)ops::infer(*made.node);
    for (graph::Value* input : made.graph->inputs) input->type.shape = graph::Shape{};
    (void)ops::infer(*made.node);
  });
}

// Integers that index, size and count badly.
Tensor extreme(const Tensor& like, std::mt19937& random) {
  constexpr std::int64_t values[] = {
      0, 1, -1, 2, 3, -2, 7, 1 << 20, -(1 << 20), std::int64_t{1} << 40, INT64_MAX, INT64_MIN, INT64_MAX - 1};
  Tensor tensor(like.type(), like.dims());
  (void)with_type<Integers>(like.type(), [&]<class T>() {
    for (T& value : tensor.mutable_view().as<T>()) value = static_cast<T>(values[random() % std::size(values)]);
  });
  return tensor;
}

Tensor spoiled(const Tensor& tensor, std::mt19937& random) {
  constexpr DType types[] = {DType::f32, DType::i64, DType::boolean, DType::string, DType::f16, DType::u8, DType::i4};
  Dims dims = tensor.dims();
  if (is_collection(tensor.type())) {
    DType others[] = {DType::undefined, DType::sequence, DType::optional, DType::map, DType::f32};
    return Tensor(others[random() % std::size(others)], {});
  }
  switch (random() % 8) {
    case 0: return Tensor();
    case 1: dims.push_back(1); return tensor.reshaped(dims);
    case 2: return tensor.reshaped({tensor.elements()});
    case 3:
      if (!dims.empty()) dims[random() % dims.size()] = static_cast<std::int64_t>(random() % 4);
      return Tensor(tensor.type(), dims);
    case 4: return Tensor(types[random() % std::size(types)], dims);
    case 5: return Tensor(tensor.type(), {});
    case 6: return Tensor(random() % 2 == 0 ? DType::sequence : DType::optional, {});
    default: return is_integer(tensor.type()) ? extreme(tensor, random) : Tensor(tensor.type(), {0});
  }
}

TEST_CASE("wrong ranks, types, sizes, indices and texts give errors or results, never crashes") {
  std::mt19937 random(20240607);
  for_each_example([&](const OpDef& def, const Example& example) {
    if (example.inputs.empty()) return;
    for (int round = 0; round < 60; ++round) {
      Example bad = example;
      for (std::size_t times = 1 + random() % 2; times > 0; --times) {
        Tensor& input = bad.inputs[random() % bad.inputs.size()];
        if (input.present()) input = spoiled(input, random);
      }
      if (random() % 8 == 0) bad.inputs.resize(random() % (bad.inputs.size() + 1));
      for (const auto& [name, value] : example.attributes) {
        if (random() % 6 != 0) continue;
        constexpr std::int64_t values[] = {0, 1, -1, 5, INT64_MAX, INT64_MIN};
        if (std::holds_alternative<std::int64_t>(value)) bad.attributes.set(name, values[random() % 6]);
        if (std::holds_alternative<std::string>(value)) bad.attributes.set(name, std::string("other"));
        if (auto* list = std::get_if<std::vector<std::int64_t>>(&value); list != nullptr && !list->empty()) {
          auto changed = *list;
          changed[random() % changed.size()] = values[random() % 6];
          if (random() % 3 == 0) changed.pop_back();
          bad.attributes.set(name, changed);
        }
      }
      if (ops::find_run(def.domain, def.name) != nullptr) {
        (void)ops::evaluate(def.domain, def.name, bad.attributes, views(bad.inputs), bad.outputs.size(), 1 << 22);
      }
      for (Known known : {Known::constants, Known::shapes}) (void)ops::infer(*node_of(def, bad, known).node);
    }
  });
}

}  // namespace
}  // namespace modelctl::test
