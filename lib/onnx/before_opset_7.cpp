// Three changes apply to many operators: broadcasting became NumPy's (opset 7), consumed_inputs, which declared memory
// shared by an input and an output, was removed (6), and operators are in inference form unless their outputs ask for
// training (7). The other changes are single attributes that were renamed or got another type or default. The source is
// the changelog of ONNX (docs/Changelog.md there).
#include "onnx/before_opset_7.hpp"

#include "ops/schema/operator.hpp"

#include <algorithm>
#include <array>

namespace modelctl::onnx {
namespace {

using graph::Node;
using graph::Value;
using ops::Upgrade;

// What broadcasts today did so by attributes then; PRelu, by the rank of its slope.
bool broadcasts(const Node& node) {
  const ops::OpDef* def = ops::find(node.domain, node.op);
  return def != nullptr && def->traits.elementwise == ops::Elementwise::broadcasting && node.op != "PRelu";
}

std::optional<std::size_t> rank(const Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_constant()) return value->constant.dims().size();
  if (!value->type.shape) return std::nullopt;
  return value->type.shape->size();
}

// Old broadcasting matched input 1's dimensions with those of input 0 from `axis` on; NumPy's matches from the last
// one. Appending dimensions of 1 to input 1 makes both the same.
Result<void> align(const Upgrade& upgrade, std::int64_t axis) {
  auto first = rank(upgrade.node.input(0)), second = rank(upgrade.node.input(1));
  if (!first || !second)
    return upgrade.bad("the ranks of its inputs are unknown, and its broadcasting depends on them");
  auto whole = static_cast<std::int64_t>(*first), part = static_cast<std::int64_t>(*second);
  if (axis < 0) axis += whole;
  if (axis < 0 || axis + part > whole)
    return upgrade.bad("axis " + std::to_string(axis) + " is beyond its first input");
  std::vector<std::int64_t> axes;
  for (std::int64_t after = axis + part; after < whole; ++after) axes.push_back(part + after - axis - part);
  if (axes.empty()) return {};
  Value* ones = upgrade.constant(Tensor::of_ints(axes));
  upgrade.node.set_input(1, upgrade.insert("Unsqueeze", {upgrade.node.input(1), ones}));
  return {};
}

// Broadcasting was requested by an attribute. Without it the sizes are equal, for which nothing changes.
Result<void> numpy_broadcast(const Upgrade& upgrade) {
  Attributes& attributes = upgrade.node.attributes;
  if (attributes.integer("broadcast") != 0 && attributes.has("axis")) TRY(align(upgrade, attributes.integer("axis")));
  attributes.erase("broadcast");
  attributes.erase("axis");
  return {};
}

// PRelu: one slope per channel had rank 1; from opset 7 on it broadcasts like any input, so it needs trailing
// dimensions.
Result<void> slopes(const Upgrade& upgrade) {
  const Value* slope = upgrade.node.input(1);
  auto known = rank(slope);
  bool one = slope != nullptr && slope->is_constant() && slope->constant.elements() == 1;
  if (one || !known || *known != 1) return {};
  return align(upgrade, 1);
}

void rename(Attributes& attributes, std::string_view from, std::string_view to) {
  if (!attributes.has(from)) return;
  attributes.set(std::string(to), attributes.integers(from));
  attributes.erase(from);
}

// "FLOAT" -> 1, as opset 1 names the type that Cast gives.
Result<void> cast_type(const Upgrade& upgrade) {
  static constexpr std::array<std::string_view, 14> names{"",        "FLOAT",  "UINT8",  "INT8",   "UINT16",
                                                          "INT16",   "INT32",  "INT64",  "STRING", "BOOL",
                                                          "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
  std::string text(upgrade.node.attributes.text("to"));
  auto found = std::find(names.begin() + 1, names.end(), text);
  if (found == names.end()) return upgrade.bad("there is no element type '" + text + "'");
  upgrade.node.attributes.set("to", std::int64_t{found - names.begin()});
  return {};
}

void integer_power(Attributes& attributes) {
  if (attributes.has("p")) attributes.set("p", static_cast<std::int64_t>(attributes.number("p")));
}

// Changes of opset 2: renamed attributes and integer norms. Split with sizes as an input existed only in opset 1.
Result<void> opset_1(const Upgrade& upgrade) {
  Node& node = upgrade.node;
  if (node.op == "Pad") rename(node.attributes, "paddings", "pads");
  if (node.op == "LpPool" || node.op == "GlobalLpPool") integer_power(node.attributes);
  if (node.op == "Split" && node.input(1) != nullptr) return upgrade.bad("the sizes of the parts are its input");
  return {};
}

// Changes of opsets 4 to 6: Cast's type became a number, Reshape's shape an input, Concat's axis mandatory, and Selu's
// defaults more precise.
Result<void> opsets_to_5(const Upgrade& upgrade) {
  Node& node = upgrade.node;
  node.attributes.erase("consumed_inputs");
  if (node.op == "Cast" && node.attributes.has("to")) return cast_type(upgrade);
  if (node.op == "Tile") return upgrade.bad("it repeats along one axis");
  if (node.op == "Selu" && !node.attributes.has("alpha")) node.attributes.set("alpha", 1.6732f);
  if (node.op == "Selu" && !node.attributes.has("gamma")) node.attributes.set("gamma", 1.0507f);
  if (node.op == "Concat" && upgrade.opset < 4 && !node.attributes.has("axis")) {
    node.attributes.set("axis", std::int64_t{1});
  }
  if (node.op == "Reshape" && upgrade.opset < 5) upgrade.attribute_to_input("shape", 1);
  return {};
}

// In training form the operators have more than one output. Those are unused in exported models if is_test is set.
Result<void> inference_form(const Upgrade& upgrade) {
  Node& node = upgrade.node;
  bool test = node.attributes.integer("is_test") != 0;
  node.attributes.erase("is_test");
  for (std::size_t i = 1; node.op == "BatchNormalization" && i < node.outputs().size(); ++i) {
    if (node.output(i) == nullptr) continue;
    if (test && !node.output(i)->is_used()) node.drop_output(i);
    else return upgrade.bad("it is in training form, with " + std::to_string(node.outputs().size()) + " outputs");
  }
  return {};
}

// Upsample had separate factors for height and width of images.
void upsample_scales(Attributes& attributes) {
  attributes.set("scales",
                 std::vector<float>{1, 1, attributes.number("height_scale"), attributes.number("width_scale")});
  attributes.erase("height_scale");
  attributes.erase("width_scale");
}

}  // namespace

bool needs_rank(const Node& node) { return node.op == "PRelu" || (broadcasts(node) && node.attributes.has("axis")); }

Result<void> to_opset_7(Node& node, int opset) {
  Upgrade upgrade{node, opset};
  if (opset == 1) TRY(opset_1(upgrade));
  if (opset < 6) TRY(opsets_to_5(upgrade));
  if (broadcasts(node)) return numpy_broadcast(upgrade);
  if (node.op == "Gemm") node.attributes.erase("broadcast");
  if (node.op == "PRelu") return slopes(upgrade);
  if (node.op == "BatchNormalization" || node.op == "Dropout") return inference_form(upgrade);
  if (node.op == "RNN" || node.op == "LSTM" || node.op == "GRU") node.attributes.erase("output_sequence");
  if (node.op == "Upsample") upsample_scales(node.attributes);
  return {};
}

}  // namespace modelctl::onnx
