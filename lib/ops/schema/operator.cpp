// The table of operators: looking one up, checking a node against its schema, and running one operator over tensors
// outside of a plan.
#include "ops/schema/operator.hpp"

#include "base/suggest.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/formals.hpp"

#include <new>
#include <stdexcept>

namespace modelctl::ops {
namespace {

// Memory for the outputs of one call outside a plan.
class OwnedOutputs final : public Outputs {
 public:
  OwnedOutputs(std::size_t count, std::uint64_t budget) : tensors(count), left_(budget) {}

  Result<MutableTensorView> allocate(std::size_t index, DType type, DimsView dims) override {
    if (!wanted(index)) return Error(Kind::bug, "unwanted-output", "cannot keep output " + std::to_string(index));
    auto size = byte_size(type, dims);
    if (!size || *size > left_) {
      return Error(Kind::bad_input, "too-large", "an output of " + describe(type, dims) + " is beyond the limit");
    }
    left_ -= *size;
    tensors[index] = Tensor(type, Dims(dims.begin(), dims.end()));
    return tensors[index].mutable_view();
  }
  Result<void> claim(std::uint64_t bytes) override {
    if (bytes > left_) return Error(Kind::bad_input, "too-large", "what it makes is beyond the limit");
    left_ -= bytes;
    return {};
  }
  bool wanted(std::size_t index) const override { return index < tensors.size(); }

  std::vector<Tensor> tensors;

 private:
  std::uint64_t left_;
};

struct Counts {
  std::vector<std::size_t> required;  // their indices
  std::size_t most = 0;
};

// "X W B?" takes 3 at most and needs the first two; "data*" any number, one at least; "data?*" any number, or none.
Counts count(std::string_view list) {
  Counts counts;
  while (auto formal = take_formal(list)) {
    if (!formal->optional) counts.required.push_back(counts.most);
    ++counts.most;
    if (formal->rest) counts.most = static_cast<std::size_t>(-1);
  }
  return counts;
}

bool has_type(const AttributeValue& value, AttributeType type) {
  switch (type) {
    case AttributeType::integer: return std::holds_alternative<std::int64_t>(value);
    case AttributeType::number: return std::holds_alternative<float>(value);
    case AttributeType::text: return std::holds_alternative<std::string>(value);
    case AttributeType::tensor: return std::holds_alternative<Tensor>(value);
    case AttributeType::integers: return std::holds_alternative<std::vector<std::int64_t>>(value);
    case AttributeType::numbers: return std::holds_alternative<std::vector<float>>(value);
    case AttributeType::texts: return std::holds_alternative<std::vector<std::string>>(value);
    case AttributeType::graph: return false;
  }
  return false;
}

// Why a text is not one that the attribute may have; nullopt if it is.
std::optional<Error> text_fault(const AttributeDef& def, const AttributeValue& value, const std::string& op) {
  const auto* text = std::get_if<std::string>(&value);
  std::vector<std::string_view> allowed = texts_of(def);
  if (text == nullptr || allowed.empty() || std::find(allowed.begin(), allowed.end(), *text) != allowed.end()) {
    return std::nullopt;
  }
  std::vector<std::string> named;
  std::string all;
  for (std::string_view each : allowed) {
    if (each.empty()) continue;
    all += (named.empty() ? "" : ", ") + std::string(each);
    named.emplace_back(each);
  }
  Error error(Kind::bad_input, "bad-attribute",
              "cannot use attribute '" + std::string(def.name) + "' of " + op + " with the value '" + *text +
                  "': it must be one of " + all);
  std::string meant = nearest(*text, named);
  return meant.empty() ? error : std::move(error).help("did you mean '" + meant + "'?");
}

}  // namespace

std::vector<std::string_view> texts_of(const AttributeDef& def) {
  std::vector<std::string_view> all;
  for (std::string_view rest = def.texts; !def.texts.empty();) {
    std::size_t end = rest.find(' ');
    all.push_back(rest.substr(0, end));
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  return all;
}

std::string qualified(std::string_view domain, std::string_view name) {
  return domain.empty() ? std::string(name) : std::string(domain) + "::" + std::string(name);
}

const OpDef* find(std::string_view domain, std::string_view name) {
  for (const OpDef* def : table()) {
    if (def->name == name && def->domain == domain) return def;
  }
  return nullptr;
}

bool has_channels_last_form(std::string_view name) {
  const OpDef* form = find("modelctl", name);
  return form != nullptr && form->traits.channels_last;
}

runtime::Evaluate find_run(std::string_view domain, std::string_view name) {
  for (const OpRun* run : run_table()) {
    if (run->name == name && run->domain == domain) return run->evaluate;
  }
  return nullptr;
}

std::string_view word(AttributeType type) {
  static constexpr std::string_view names[] = {"integer",          "number",          "text",          "tensor",
                                               "list of integers", "list of numbers", "list of texts", "graph"};
  return names[static_cast<std::size_t>(type)];
}

void check_schema(const graph::Node& node, const OpDef& def, Faults& faults) {
  std::string op = qualified(def.domain, def.name);
  auto add = [&](std::string code, std::string what) {
    faults.add(Error(Kind::bad_input, std::move(code), std::move(what)).at(node.place()));
  };
  auto known = [&](std::string_view attribute) -> const AttributeDef* {
    for (const AttributeDef& candidate : def.attributes) {
      if (candidate.name == attribute) return &candidate;
    }
    return nullptr;
  };
  for (const auto& [attribute, value] : node.attributes) {
    const AttributeDef* known_attribute = known(attribute);
    if (known_attribute == nullptr) {
      add("unknown-attribute", "cannot use attribute '" + attribute + "', which " + op + " does not have");
    } else if (!has_type(value, known_attribute->type)) {
      add("bad-attribute", "cannot use attribute '" + attribute + "' of " + op + ", which must be a " +
                               std::string(word(known_attribute->type)));
    } else if (auto fault = text_fault(*known_attribute, value, op)) {
      faults.add(std::move(*fault).at(node.place()));
    }
  }
  for (const auto& [attribute, subgraph] : node.subgraphs) {
    const AttributeDef* known_attribute = known(attribute);
    if (known_attribute == nullptr || known_attribute->type != AttributeType::graph) {
      add("unknown-attribute", "cannot use graph '" + attribute + "', which " + op + " does not have");
    }
  }
  for (const AttributeDef& attribute : def.attributes) {
    if (!attribute.required) continue;
    std::string key(attribute.name);
    if (!node.attributes.has(attribute.name) && node.subgraphs.count(key) == 0) {
      add("missing-attribute", "cannot use " + op + " without its attribute '" + key + "'");
    }
  }
  Counts inputs = count(def.inputs);
  for (std::size_t index : inputs.required) {
    if (node.input(index) == nullptr) {
      add("missing-input", "cannot use " + op + " without its input " + std::to_string(index));
    }
  }
  if (node.inputs().size() > inputs.most) {
    add("too-many-inputs", "cannot give " + op + " " + std::to_string(node.inputs().size()) + " inputs: it takes " +
                               std::to_string(inputs.most));
  }
  if (node.outputs().size() > count(def.outputs).most) {
    add("too-many-outputs", "cannot take " + std::to_string(node.outputs().size()) + " outputs from " + op +
                                ": it gives " + std::to_string(count(def.outputs).most));
  }
}

Result<std::vector<Tensor>> evaluate(std::string_view domain, std::string_view name, const Attributes& attributes,
                                     std::span<const TensorView> inputs, std::size_t outputs, std::uint64_t budget,
                                     const Interrupt* interrupt) {
  runtime::Evaluate run = find_run(domain, name);
  if (run == nullptr) {
    return Error(Kind::unsupported, "unsupported-operator",
                 "cannot evaluate " + qualified(domain, name) + ", which has no run half");
  }
  Error too_large(Kind::bad_input, "too-large", "what it needs is more than any memory");
  try {
    OwnedOutputs owned(outputs, budget);
    TRY(run(Call{attributes, inputs, outputs, {}, interrupt}, owned));
    if (interrupt != nullptr && interrupt->requested()) {
      return Error(Kind::interrupted, "interrupted", "stopped evaluating " + qualified(domain, name));
    }
    return std::move(owned.tensors);
  } catch (const std::bad_alloc&) { return too_large; } catch (const std::length_error&) {
    return too_large;
  }
}

const graph::Type* Inference::type(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr ? nullptr : &value->type;
}

DType Inference::element(std::size_t index) const {
  const graph::Type* known = type(index);
  return known == nullptr ? DType::undefined : known->element;
}

const graph::Shape* Inference::shape(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr || !value->type.shape ? nullptr : &*value->type.shape;
}

const Tensor* Inference::constant(std::size_t index) const {
  const graph::Value* value = node().input(index);
  return value == nullptr || !value->is_constant() ? nullptr : &value->constant;
}

std::optional<std::vector<graph::Expr>> Inference::contents(std::size_t index) const {
  const graph::Value* value = node().input(index);
  if (value == nullptr) return std::nullopt;
  if (value->contents) return value->contents;
  if (!value->is_constant() || value->constant.dims().size() > 1) return std::nullopt;
  if (value->constant.elements() > static_cast<std::int64_t>(graph::Value::max_contents)) return std::nullopt;
  if (value->constant.type() == DType::boolean) {  // truth values travel as 0 and 1, for Where
    auto truths = value->constant.as<bool>();
    return std::vector<graph::Expr>(truths.begin(), truths.end());
  }
  auto all = integers(value->constant.view(), "");
  if (!all) return std::nullopt;
  return std::vector<graph::Expr>(all->begin(), all->end());
}

Error Inference::bad(std::string what) const {
  return Error(Kind::bad_input, "bad-node", "cannot use " + qualified(node().domain, node().op) + ": " + what)
      .at(node().place());
}

Result<graph::Shape> broadcast(const Inference& call, const graph::Shape& a, const graph::Shape& b) {
  if (a.size() < b.size()) return broadcast(call, b, a);
  graph::Shape shape = a;
  std::size_t skip = a.size() - b.size();
  for (std::size_t axis = 0; axis < b.size(); ++axis) {
    graph::Expr& size = shape[skip + axis];
    const graph::Expr& other = b[axis];
    if (size == other || other.is(1)) continue;
    auto x = size.constant(), y = other.constant();
    if (x && y && *x != 1) {
      return call.bad("sizes " + std::to_string(*x) + " and " + std::to_string(*y) + " do not broadcast");
    }
    size = graph::broadcast(size, other);
  }
  return shape;
}

Result<std::size_t> normal_axis(const Inference& call, std::int64_t axis, std::size_t rank) {
  auto index = axis_index(axis, rank);
  if (!index) return call.bad(index.error().what);
  return *index;
}

graph::Value* Upgrade::constant(Tensor tensor) const {
  return node.graph().add_constant(node.name.empty() ? node.op : node.name, std::move(tensor));
}

void Upgrade::attribute_to_input(std::string_view name, std::size_t index) const {
  if (!node.attributes.has(name)) return;
  node.set_input(index, constant(Tensor::of_ints(node.attributes.integers(name))));
  node.attributes.erase(name);
}

graph::Value* Upgrade::insert(std::string_view op, std::vector<graph::Value*> inputs, Attributes attributes) const {
  std::string label = (node.name.empty() ? node.op : node.name) + "_" + std::string(op);
  graph::Node* added = node.graph().add_node("", op, std::move(inputs), {label}, &node);
  added->name = label;
  added->attributes = std::move(attributes);
  return added->output(0);
}

Error Upgrade::bad(std::string what) const {
  return Error(Kind::unsupported, "unsupported-form",
               "cannot use " + qualified(node.domain, node.op) + " of opset " + std::to_string(opset) + ": " + what)
      .at(node.place());
}

}  // namespace modelctl::ops
