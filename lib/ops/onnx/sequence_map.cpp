// SequenceMap: a nested graph, run once for each item of a sequence. Additional sequences are read item by item with
// it, tensors whole; each output of the graph makes a sequence.
//
// ONNX defines the operator by a Loop that reads items and inserts results. Here the body is run directly, so that
// results are appended and not inserted into a copy of the sequence in each iteration.
//
// Smallest runner: regular, since sequences are rare.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/collection.hpp"

namespace modelctl::ops {
namespace {

using graph::Graph;
using graph::Type;

// An item has its own sizes in each iteration: one_of() replaces the open ones by symbols of this node, in the body's
// inputs as in the items of the outputs.
Result<void> infer(Inference& call) {
  Graph& body = *TRY(call.body("body"));
  if (body.inputs.size() != call.inputs()) return call.bad("its body takes as many inputs as it has");
  if (body.outputs().size() < call.node().outputs().size()) return call.bad("its body gives as many outputs as it has");
  for (std::size_t i = 0; i < call.inputs(); ++i) {
    if (!call.present(i)) return call.bad("an input is absent");
    body.inputs[i]->type = call.element(i) == DType::sequence ? one_of(call, inside(call, i)) : *call.type(i);
  }
  TRY(call.infer_body(body));
  for (std::size_t i = 0; i < call.node().outputs().size(); ++i) {
    call.set_type(i, Type::sequence(one_of(call, body.outputs()[i]->type)));
  }
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  runtime::Body* body = call.body("body");
  if (body == nullptr || body->inputs().size() != call.inputs.size() || call.outputs > body->outputs().size()) {
    return refuse("its body does not fit it");
  }
  if (call.input(0).type != DType::sequence) return refuse("its first input is not a sequence");
  std::size_t count = sequence_in(call.input(0)).items.size();
  for (const TensorView& input : call.inputs) {
    if (input.type == DType::sequence && sequence_in(input).items.size() != count) {
      return refuse("its sequences are of different lengths");
    }
  }
  // The element types are the body's declared ones, which an empty input sequence leaves as the only source.
  std::vector<Sequence> made(call.outputs);
  for (std::size_t i = 0; i < made.size(); ++i) made[i].element = body->outputs()[i].type;
  std::vector<TensorView> inputs(call.inputs.begin(), call.inputs.end());
  for (std::size_t at = 0; at < count; ++at) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (call.inputs[i].type == DType::sequence) inputs[i] = sequence_in(call.inputs[i]).items[at].view();
    }
    std::vector<Tensor> results = TRY(body->run(inputs));
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (results[i].type() == DType::sequence || results[i].type() == DType::optional) {
        return refuse("a sequence holds tensors or maps");
      }
      TRY(outputs.claim(sizeof(Tensor) + held_bytes(results[i].view())));
      made[i].items.push_back(std::move(results[i]));
    }
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (outputs.wanted(i)) TRY(outputs.give(i, tensor_of(std::move(made[i]))));
  }
  return {};
}

constexpr AttributeDef attributes[] = {{"body", AttributeType::graph,
                                        "takes an item of each sequence and each tensor; gives an item of each output",
                                        true}};

constexpr OpDef defs[] = {
    {
        .name = "SequenceMap",
        .since = 17,
        .summary = "A nested graph, run once for each item of a sequence.",
        .inputs = "input_sequence additional_inputs?*",
        .outputs = "out_sequence*",
        .types = "sequence",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              auto sequence = [](std::vector<Tensor> items) {
                return tensor_of(Sequence{DType::f32, std::move(items)});
              };
              return Examples{
                  {"adding a tensor to each item",
                   {sequence({f32({1}, {1}), f32({2}, {2, 3})}), f32({1}, {10})},
                   {},
                   {sequence({f32({1}, {11}), f32({2}, {12, 13})})},
                   0,
                   {{"body",
                     "graph \"body\" {\n  input x: f32[n]\n  input by: f32[1]\n  y = Add(x, by)\n  output y\n}"}}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "SequenceMap", evaluate}};

}  // namespace

std::span<const OpDef> sequence_map_ops() { return defs; }
std::span<const OpRun> sequence_map_runs() { return runs; }

}  // namespace modelctl::ops
