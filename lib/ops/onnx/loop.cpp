// Loop: a nested graph, run while a condition holds and at most a number of times. It carries values from one iteration
// to the next, which may change their sizes, and stacks the scan outputs of all iterations along a new first axis.
//
//    for (i = 0; i < M && cond; ++i) (cond, carried..., scans...) = body(i, cond, carried...)
//
// An absent M does not limit, and an absent cond is true: neither is `while (true)`, M alone `for`, cond alone `while`.
// The body also reads values of the graphs around it, which are not among its inputs.
#include "ops/family/carried.hpp"
#include "ops/reference/slices.hpp"
#include "ops/schema/example.hpp"
#include "tensor/collection.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Graph;
using graph::Shape;
using graph::Type;

// Iteration number and condition come before the carried values; the condition also comes first among the outputs.
constexpr std::size_t before_inputs = 2, before_outputs = 1;

// Scalars, but some exporters declare a list of one.
void type_counter(graph::Value& input, DType element) {
  bool list = input.type.shape && input.type.shape->size() == 1;
  input.type = {element, list ? Shape{1} : Shape()};
}

// The number of iterations, if it is known and no condition can end the loop earlier. That holds if cond is true at
// first and the body returns true, or the cond that it was given (through Identity nodes, which exporters add). M below
// 0 gives no iteration, hence the maximum.
std::optional<Expr> trips(const Inference& call, const Graph& body) {
  auto most = call.contents(0);
  if (!most || most->size() != 1) return std::nullopt;
  auto holds = [](const graph::Value* value) {
    return value->is_constant() && value->constant.type() == DType::boolean && value->constant.elements() == 1 &&
           value->constant.as<bool>()[0];
  };
  const graph::Value *start = call.node().input(1), *next = body.outputs()[0];
  while (next->producer() != nullptr && next->producer()->is("Identity")) next = next->producer()->input(0);
  if ((start != nullptr && !holds(start)) || (!holds(next) && next != body.inputs[1])) return std::nullopt;
  return (*most)[0].known_non_negative() ? (*most)[0] : max(Expr(0), (*most)[0]);
}

// A carried value has the type that its initial value and every iteration agree on: inference repeats until nothing
// changes (family/carried.cpp). The length of a scan output is the number of trips if that is known.
Result<void> infer(Inference& call) {
  Graph& body = *TRY(call.body("body"));
  std::size_t carried = std::max(call.inputs(), before_inputs) - before_inputs;
  std::size_t outputs = call.node().outputs().size();
  if (body.inputs.size() != before_inputs + carried) {
    return call.bad("its body takes an iteration number, a condition and what is carried");
  }
  if (body.outputs().size() < before_outputs + carried || outputs > body.outputs().size() - before_outputs) {
    return call.bad("its body gives a condition, what is carried, and what is stacked");
  }
  type_counter(*body.inputs[0], DType::i64);
  type_counter(*body.inputs[1], DType::boolean);
  std::vector<Type> initial;
  for (std::size_t i = 0; i < carried; ++i) {
    const Type* type = call.type(before_inputs + i);
    initial.push_back(type == nullptr ? Type() : *type);
  }
  auto types = TRY(infer_carried(call, body, before_inputs, initial, before_outputs));
  auto count = trips(call, body);
  for (std::size_t i = 0; i < outputs; ++i) {
    const Type& given = body.outputs()[before_outputs + i]->type;
    if (i < carried) {
      bool taken_out = types[i].element == DType::optional && given.element != DType::optional;
      call.set_type(i, taken_out ? one_of(call, given) : type_after_loop(call, types[i], initial[i]));
      continue;
    }
    Type one = one_of(call, given);
    if (is_collection(one.element)) return call.bad("what it stacks must be tensors");
    if (one.shape) one.shape->insert(one.shape->begin(), count ? *count : call.fresh_symbol());
    call.set_type(i, std::move(one));
  }
  return {};
}

// Of rank 0, or a list of one, as some exporters write.
Result<bool> truth(const TensorView& view) {
  if (view.type != DType::boolean || view.elements() != 1) return refuse("its condition must be one bool");
  return view.as<bool>()[0];
}

// The iteration's number, with the rank that the body declares.
Tensor counter(const runtime::Body::Port& port, std::int64_t at) {
  return Tensor::scalar(DType::i64, at).reshaped(port.dims && port.dims->size() == 1 ? Dims{1} : Dims{});
}

// Stacks the iterations' values along a new first axis. ONNX wants equal shapes; values that grow from iteration to
// iteration can be carried, not stacked. Without an iteration, type and sizes are those that the body declares, and an
// open size is 0.
Result<void> stack(Outputs& outputs, std::size_t index, const std::vector<Tensor>& parts,
                   const runtime::Body::Port& port) {
  Dims dims{static_cast<std::int64_t>(parts.size())};
  if (!parts.empty()) dims.insert(dims.end(), parts[0].dims().begin(), parts[0].dims().end());
  else if (port.dims)
    for (std::int64_t size : *port.dims) dims.push_back(std::max<std::int64_t>(size, 0));
  if (dims.size() > max_rank) return refuse("the rank of what it stacks is too large");
  MutableTensorView y = TRY(outputs.allocate(index, parts.empty() ? port.type : parts[0].type(), dims));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].type() != parts[0].type() || parts[i].dims() != parts[0].dims()) {
      return refuse("what it stacks differs in size: " + describe(parts[0].type(), parts[0].dims()) + " and " +
                    describe(parts[i].type(), parts[i].dims()));
    }
    Dims one = parts[i].dims();
    one.insert(one.begin(), 1);
    TRY(write_slice(y, 0, static_cast<std::int64_t>(i), parts[i].reshaped(one).view()));
  }
  return {};
}

// A body may take an optional and return what it holds.
Tensor taken_as(const runtime::Body::Port& port, Tensor value) {
  if (port.type != DType::optional || value.type() == DType::optional) return value;
  return tensor_of(Optional{std::move(value)});
}
Result<Tensor> given_as(const runtime::Body::Port& port, Tensor value) {
  if (port.type == DType::optional || value.type() != DType::optional) return value;
  Tensor held = optional_in(value.view()).value;
  if (!held.present()) return refuse("a value that it carries is an empty optional in the end");
  return held;
}

// Every iteration spends from the budget of the run, so a condition that never becomes false ends with an error.
//
// `inputs` are views: those of the first iteration are the node's inputs, later ones point into `values`, which
// replaces the previous iteration's outputs only after the body has run. Scan values are kept as tensors until the end,
// since their number is not known before, and their memory is claimed from the budget one by one.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  runtime::Body* body = call.body("body");
  std::size_t carried = std::max(call.inputs.size(), before_inputs) - before_inputs;
  if (body == nullptr || body->inputs().size() != before_inputs + carried ||
      body->outputs().size() < before_outputs + carried || call.outputs > body->outputs().size() - before_outputs) {
    return refuse("its body does not fit it");
  }
  std::int64_t most = call.input(0).present() ? TRY(one_integer(call.input(0), "the trip count")) : INT64_MAX;
  bool going = call.input(1).present() ? TRY(truth(call.input(1))) : true;
  std::size_t stacked = body->outputs().size() - before_outputs - carried;
  std::vector<TensorView> inputs(body->inputs().size());
  for (std::size_t i = 0; i < carried; ++i) inputs[before_inputs + i] = call.input(before_inputs + i);
  std::vector<Tensor> values;  // outputs of the previous iteration; owns the inputs of this one
  std::vector<std::vector<Tensor>> stacks(stacked);
  // An iteration begins only if the condition holds, so that the body always gets true.
  Tensor condition = Tensor::scalar(DType::boolean, true);
  if (const auto& dims = body->inputs()[1].dims; dims && dims->size() == 1) condition = condition.reshaped({1});
  inputs[1] = condition.view();
  for (std::int64_t at = 0; at < most && going; ++at) {
    Tensor number = counter(body->inputs()[0], at);
    inputs[0] = number.view();
    std::vector<Tensor> next = TRY(body->run(inputs));
    going = TRY(truth(next[0].view()));
    for (std::size_t i = 0; i < stacked; ++i) {
      Tensor& part = next[before_outputs + carried + i];
      if (carried + i >= call.outputs || !outputs.wanted(carried + i)) continue;
      TRY(outputs.claim(sizeof(Tensor) + held_bytes(part.view())));
      stacks[i].push_back(std::move(part));
    }
    values = std::move(next);
    for (std::size_t i = 0; i < carried; ++i) {
      Tensor& value = values[before_outputs + i];
      value = taken_as(body->inputs()[before_inputs + i], std::move(value));
      inputs[before_inputs + i] = value.view();
    }
  }
  for (std::size_t i = 0; i < call.outputs; ++i) {
    if (!outputs.wanted(i)) continue;
    const runtime::Body::Port& port = body->outputs()[before_outputs + i];
    if (i >= carried) {
      TRY(stack(outputs, i, stacks[i - carried], port));
      continue;
    }
    // Without an iteration the initial values are the results; the node does not own them, so they are copied.
    Tensor last = values.empty() ? copy_of(call.input(before_inputs + i)) : std::move(values[before_outputs + i]);
    if (!last.present()) return refuse("a value that it carries is absent");
    TRY(outputs.give(i, TRY(given_as(port, std::move(last)))));
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"body", AttributeType::graph,
     "takes the iteration's number, the condition and the carried values; gives the condition, the carried values and "
     "what is stacked",
     true}};

Example counting(std::string title, std::vector<Tensor> first, std::vector<Tensor> outputs, const char* rest) {
  std::vector<Tensor> inputs = std::move(first);
  inputs.push_back(f32({1}, {1}));
  std::string body = "graph \"body\" {\n  input i: i64[]\n  input go: bool[]\n  input x: f32[?]\n";
  return {std::move(title), std::move(inputs), {}, std::move(outputs), 0, {{"body", body + rest}}};
}

constexpr OpDef defs[] = {
    {
        .name = "Loop",
        .since = 25,
        .summary = "A nested graph, run while a condition holds and at most a number of times.",
        .inputs = "M? cond?:bool v_initial?*",
        .outputs = "v_final_and_scan_outputs*",
        .types = "i64",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              const char* doubling = "  y = Add(x, x)\n  next = Identity(go)\n  output next\n  output y\n  output y\n}";
              const char* growing = "  y = Concat(x, x) {axis: 0}\n  output go\n  output y\n}";
              const char* until =
                  "  const two: i64[] = [2]\n  y = Add(x, x)\n  next = Less(i, two)\n  output next\n  output y\n}";
              return Examples{
                  counting("three times, with what each gives", {i64({}, {3}), boolean({}, {true})},
                           {f32({1}, {8}), f32({3, 1}, {2, 4, 8})}, doubling),
                  counting("never", {i64({}, {0}), Tensor()}, {f32({1}, {1}), f32({0, 1}, {})}, doubling),
                  counting("a value that grows", {i64({}, {2}), Tensor()}, {f32({4}, {1, 1, 1, 1})}, growing),
                  counting("while a condition holds", {Tensor(), boolean({}, {true})}, {f32({1}, {8})}, until)};
            },
    },
};
constexpr OpRun runs[] = {{"", "Loop", evaluate}};

}  // namespace

std::span<const OpDef> loop_ops() { return defs; }
std::span<const OpRun> loop_runs() { return runs; }

}  // namespace modelctl::ops
