// Scan: a nested graph, run once for each slice of its inputs along an axis. It carries states from one slice to the
// next and stacks the other outputs. Opset 8 had a batch axis as well, for which the upgrade wraps a second Scan
// around.
//
// States are what Loop carries too (family/carried.hpp); unlike Loop, the number of iterations is the length of the
// scanned axes, so that the sizes of stacked outputs are known before the run.
#include "ops/family/carried.hpp"
#include "ops/reference/slices.hpp"
#include "ops/schema/example.hpp"
#include "tensor/collection.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Type;

// An entry of an optional list; 0 if it is absent.
std::int64_t entry(const Attributes& attributes, std::string_view name, std::size_t index) {
  const auto& list = attributes.integers(name);
  return index < list.size() ? list[index] : 0;
}

// The body's inputs are the states, then one slice of each scanned input; its outputs are the states, then one slice of
// each stacked output. All scanned axes have the same length, which is also that of the outputs.
Result<void> infer(Inference& call) {
  Graph& body = *TRY(call.body("body"));
  std::int64_t scanned = call.attributes().integer("num_scan_inputs");
  if (scanned < 1 || static_cast<std::size_t>(scanned) > call.inputs()) return call.bad("it scans 1 or more inputs");
  std::size_t states = call.inputs() - static_cast<std::size_t>(scanned), outputs = call.node().outputs().size();
  if (body.inputs.size() != call.inputs()) return call.bad("its body takes as many inputs as it has");
  if (body.outputs().size() < states || outputs > body.outputs().size()) {
    return call.bad("its body gives its states and its other outputs");
  }
  std::optional<Expr> length;
  for (std::size_t i = states; i < call.inputs(); ++i) {
    if (!call.present(i)) return call.bad("an input is absent");
    Type slice = *call.type(i);
    if (is_collection(slice.element)) return call.bad("what it scans must be tensors");
    if (slice.shape) {
      std::size_t axis =
          TRY(normal_axis(call, entry(call.attributes(), "scan_input_axes", i - states), slice.shape->size()));
      const Expr& size = (*slice.shape)[axis];
      length = length ? TRY(same_size(call, *length, size)) : size;
      slice.shape->erase(slice.shape->begin() + static_cast<std::ptrdiff_t>(axis));
    }
    body.inputs[i]->type = std::move(slice);
  }
  // The states' types are a fixed point: what the body gives back must be a type that it takes.
  std::vector<Type> initial;
  for (std::size_t i = 0; i < states; ++i) initial.push_back(call.present(i) ? *call.type(i) : Type());
  auto types = TRY(infer_carried(call, body, 0, initial, 0));
  for (std::size_t i = 0; i < outputs; ++i) {
    if (i < states) {
      call.set_type(i, type_after_loop(call, types[i], initial[i]));
      continue;
    }
    Type one = one_of(call, body.outputs()[i]->type);
    if (is_collection(one.element)) return call.bad("what it stacks must be tensors");
    if (one.shape) {
      std::size_t axis =
          TRY(normal_axis(call, entry(call.attributes(), "scan_output_axes", i - states), one.shape->size() + 1));
      one.shape->insert(one.shape->begin() + static_cast<std::ptrdiff_t>(axis), length ? *length : call.fresh_symbol());
    }
    call.set_type(i, std::move(one));
  }
  return {};
}

// One input that is scanned, slice by slice.
class Slices {
 public:
  static Result<Slices> of(const TensorView& whole, std::int64_t along, bool backward) {
    TRY(need_rank(whole, 1, "to scan"));
    if (is_collection(whole.type)) return refuse("what it scans must be tensors");
    Slices slices;
    slices.whole_ = whole;
    slices.axis_ = TRY(axis_index(along, whole.rank()));
    slices.backward_ = backward;
    slices.dims_.assign(whole.dims.begin(), whole.dims.end());
    slices.dims_.erase(slices.dims_.begin() + static_cast<std::ptrdiff_t>(slices.axis_));
    return slices;
  }

  std::int64_t count() const { return whole_.dim(axis_); }

  // The view is valid until the next call. Slices along the first axis are not copied, except of elements below a byte,
  // since a slice may begin in the middle of one. Backward inputs are read from the end; the iteration's number stays
  // the same.
  Result<TensorView> at(std::int64_t index) {
    if (backward_) index = count() - 1 - index;
    std::int64_t width =
        whole_.type == DType::string ? static_cast<std::int64_t>(sizeof(std::string)) * 8 : bits(whole_.type);
    std::int64_t offset = index * product(dims_);
    if (axis_ == 0 && width % 8 == 0) {
      return TensorView{whole_.type, dims_, static_cast<const std::byte*>(whole_.data) + offset * (width / 8)};
    }
    Dims kept(whole_.dims.begin(), whole_.dims.end());
    kept[axis_] = 1;
    Tensor slice(whole_.type, kept);
    TRY(copy_slice(whole_, axis_, index, slice.mutable_view()));
    copy_ = slice.reshaped(dims_);
    return copy_.view();
  }

 private:
  TensorView whole_;
  std::size_t axis_ = 0;
  bool backward_ = false;
  Dims dims_;  // of a slice
  Tensor copy_;
};

// One stacked output, written slice by slice into its final place: it is allocated when the first slice shows its type
// and sizes, and nothing is copied again at the end.
struct Gathered {
  MutableTensorView whole;
  std::size_t axis = 0;
  bool backward = false;

  // `slice` has the sizes of a slice; a size that is unknown (no iteration ran) is 0.
  Result<void> begin(Outputs& outputs, std::size_t index, std::int64_t along, std::int64_t count, DType type,
                     DimsView slice) {
    Dims dims(slice.begin(), slice.end());
    if (dims.size() >= max_rank) return refuse("the rank of what it stacks is too large");
    axis = TRY(axis_index(along, dims.size() + 1));
    for (std::int64_t& size : dims) size = std::max<std::int64_t>(size, 0);
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), count);
    whole = TRY(outputs.allocate(index, type, dims));
    return {};
  }

  Result<void> put(std::int64_t index, const Tensor& slice) {
    Dims one = slice.dims();
    // The slice gets the stacked axis with size 1; one of another rank fails the comparison below.
    if (one.size() + 1 == whole.dims.size()) one.insert(one.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    Dims expected(whole.dims.begin(), whole.dims.end());
    expected[axis] = 1;
    if (slice.type() != whole.type || one != expected) {
      return refuse("what it stacks differs in size: " + describe(slice.type(), slice.dims()) + " for " +
                    describe(whole.type, whole.dims));
    }
    return write_slice(whole, axis, backward ? whole.dims[axis] - 1 - index : index, slice.reshaped(one).view());
  }
};

// A state is moved, not copied, from one iteration to the next: the body's outputs own their memory. `values` holds
// those of the last iteration, which `inputs` views, until the next ones exist. Without an iteration the states are
// copies of their initial values, and stacked outputs are empty, with the sizes that the body declares.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  runtime::Body* body = call.body("body");
  std::int64_t scanned = call.attributes.integer("num_scan_inputs");
  if (body == nullptr || scanned < 1 || static_cast<std::size_t>(scanned) > call.inputs.size() ||
      body->inputs().size() != call.inputs.size() || call.outputs > body->outputs().size() ||
      body->outputs().size() < call.inputs.size() - static_cast<std::size_t>(scanned)) {
    return refuse("its body does not fit it");
  }
  std::size_t states = call.inputs.size() - static_cast<std::size_t>(scanned);
  std::vector<Slices> slices;
  for (std::size_t i = states; i < call.inputs.size(); ++i) {
    slices.push_back(TRY(Slices::of(call.input(i), entry(call.attributes, "scan_input_axes", i - states),
                                    entry(call.attributes, "scan_input_directions", i - states) != 0)));
    if (slices.back().count() != slices.front().count()) return refuse("its inputs are of different lengths");
  }
  std::int64_t count = slices.front().count();
  std::vector<Gathered> gathered(call.outputs);
  auto begin = [&](std::size_t i, DType type, DimsView dims) {
    gathered[i].backward = entry(call.attributes, "scan_output_directions", i - states) != 0;
    return gathered[i].begin(outputs, i, entry(call.attributes, "scan_output_axes", i - states), count, type, dims);
  };
  std::vector<TensorView> inputs(call.inputs.begin(), call.inputs.end());
  std::vector<Tensor> values;
  for (std::int64_t at = 0; at < count; ++at) {
    for (std::size_t i = 0; i < slices.size(); ++i) inputs[states + i] = TRY(slices[i].at(at));
    std::vector<Tensor> next = TRY(body->run(inputs));
    for (std::size_t i = states; i < call.outputs; ++i) {
      if (!outputs.wanted(i)) continue;
      if (at == 0) TRY(begin(i, next[i].type(), next[i].dims()));
      TRY(gathered[i].put(at, next[i]));
    }
    values = std::move(next);
    for (std::size_t i = 0; i < states; ++i) inputs[i] = values[i].view();
  }
  for (std::size_t i = 0; i < call.outputs; ++i) {
    if (!outputs.wanted(i)) continue;
    if (i < states) TRY(outputs.give(i, values.empty() ? copy_of(call.input(i)) : std::move(values[i])));
    else if (count == 0) TRY(begin(i, body->outputs()[i].type, body->outputs()[i].dims.value_or(Dims())));
  }
  return {};
}

// With a batch axis: a Scan over the batch, whose body is the Scan over the sequence. Where sequences have lengths of
// their own, the inner Scan gets that much of each input, and its outputs are padded with zeros.
Result<void> upgrade(const Upgrade& upgrade) {
  graph::Node& node = upgrade.node;
  if (upgrade.opset >= 9) return {};
  if (node.inputs().empty()) return upgrade.bad("it scans 1 or more inputs");
  // Opset 8 had sequence_lens as an optional first input; it moves to the end, as one more input scanned over the
  // batch.
  graph::Value* lengths = node.input(0);
  std::vector<graph::Value*> inputs(node.inputs().begin() + 1, node.inputs().end());
  std::int64_t scanned = node.attributes.integer("num_scan_inputs");
  if (scanned < 1 || static_cast<std::size_t>(scanned) > inputs.size()) return upgrade.bad("it scans 1 or more inputs");
  std::size_t states = inputs.size() - static_cast<std::size_t>(scanned);
  if (lengths != nullptr) inputs.push_back(lengths);
  for (std::size_t i = 0; i < inputs.size(); ++i) node.set_input(i, inputs[i]);
  node.resize_inputs(inputs.size());
  auto body = std::move(node.subgraphs["body"]);
  if (body == nullptr) return upgrade.bad("it lacks its body");
  // The node itself becomes the outer Scan, whose body holds the inner one. It has no states: each sequence of the
  // batch has initial states of its own, which are scanned like everything else.
  Graph& outer = node.add_subgraph("body", "batch");
  std::vector<std::string> names;
  std::vector<graph::Value*> rows;
  for (std::size_t i = 0; i < inputs.size(); ++i) rows.push_back(outer.add_input("row", {}));
  auto added = [&](std::string_view op, std::vector<graph::Value*> of, std::vector<std::string> made,
                   Attributes attributes = {}) {
    graph::Node* one = outer.add_node("", op, std::move(of), std::move(made));
    one->attributes = std::move(attributes);
    return one;
  };
  graph::Value *first = outer.add_constant("first", Tensor::of_ints(Dims{0})), *beyond = nullptr;
  // In the outer body, for one sequence: parts = [length, all - length] splits each scanned row, and pads = [0, all -
  // length] fill each stacked output up again.
  if (lengths != nullptr) {
    graph::Value* row = rows[states];
    graph::Value* length = added("Unsqueeze", {rows.back(), first}, {"length"})->output(0);
    graph::Value* all =
        added("Shape", {row}, {"all"}, {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}})->output(0);
    graph::Value* rest = added("Sub", {all, length}, {"rest"})->output(0);
    graph::Value* parts = added("Concat", {length, rest}, {"parts"}, {{"axis", std::int64_t{0}}})->output(0);
    beyond = added("Concat", {first, rest}, {"beyond"}, {{"axis", std::int64_t{0}}})->output(0);
    rows.pop_back();
    // Split refuses a length that is outside of the sequence.
    for (std::size_t i = states; i < rows.size(); ++i) {
      rows[i] = added("Split", {rows[i], parts}, {"row", "padding"}, {{"axis", std::int64_t{0}}})->output(0);
    }
  }
  for (std::size_t i = 0; i < node.outputs().size(); ++i) names.push_back("row_output");
  graph::Node* inner = outer.add_node("", "Scan", std::move(rows), names);
  inner->name = node.name;
  body->outer = &outer;
  body->owner = inner;
  inner->subgraphs["body"] = std::move(body);
  inner->attributes.set("num_scan_inputs", scanned);
  if (node.attributes.has("directions")) {
    inner->attributes.set("scan_input_directions", node.attributes.integers("directions"));
    node.attributes.erase("directions");
  }
  for (std::size_t i = 0; i < inner->outputs().size(); ++i) {
    graph::Value* output = inner->outputs()[i];
    if (beyond != nullptr && i >= states)
      output = added("Pad", {output, beyond, nullptr, first}, {"row_output"})->output(0);
    outer.add_output(output);
  }
  node.attributes.set("num_scan_inputs", static_cast<std::int64_t>(inputs.size()));
  return {};
}

constexpr AttributeDef attributes[] = {
    {"body", AttributeType::graph, "takes the states and one slice of each input; returns the states and other outputs",
     true},
    {"num_scan_inputs", AttributeType::integer, "how many inputs are scanned, the last ones", true},
    {"scan_input_axes", AttributeType::integers, "the axis along which each input is scanned; 0 if absent"},
    {"scan_input_directions", AttributeType::integers, "1 for an input that is scanned backward; 0 if absent"},
    {"scan_output_axes", AttributeType::integers, "the axis along which each output is stacked; 0 if absent"},
    {"scan_output_directions", AttributeType::integers, "1 for an output that is stacked backward; 0 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "Scan",
        .since = 25,
        .summary = "A nested graph, run once for each slice of its inputs along an axis.",
        .inputs = "initial_state_and_scan_inputs*",
        .outputs = "final_state_and_scan_outputs*",
        .types = any_type,
        .attributes = attributes,
        .infer = infer,
        .upgrade = upgrade,
        .examples =
            [] {
              const char* sum =
                  "graph \"body\" {\n  input s: f32[2]\n  input x: f32[2]\n  y = Add(s, x)\n  output y\n"
                  "  output y\n}";
              Tensor start = f32({2}, {0, 0});
              return Examples{{"running sums of rows",
                               {start, f32({3, 2}, {1, 2, 3, 4, 5, 6})},
                               {{"num_scan_inputs", std::int64_t{1}}},
                               {f32({2}, {9, 12}), f32({3, 2}, {1, 2, 4, 6, 9, 12})},
                               0,
                               {{"body", sum}}},
                              {"of columns, backward and back",
                               {start, f32({2, 3}, {1, 3, 5, 2, 4, 6})},
                               {{"num_scan_inputs", std::int64_t{1}},
                                {"scan_input_axes", Ints{-1}},
                                {"scan_input_directions", Ints{1}},
                                {"scan_output_axes", Ints{1}},
                                {"scan_output_directions", Ints{1}}},
                               {f32({2}, {9, 12}), f32({2, 3}, {9, 8, 5, 12, 10, 6})},
                               0,
                               {{"body", sum}}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Scan", evaluate}};

}  // namespace

std::span<const OpDef> scan_ops() { return defs; }
std::span<const OpRun> scan_runs() { return runs; }

}  // namespace modelctl::ops
