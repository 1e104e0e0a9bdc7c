// LinearAttention and CausalConvWithState: attention and convolution that carry a state of fixed size from token to
// token, so that a step costs the same at any length (Katharopoulos et al., 2020; gated delta rule, Yang et al., 2024;
// Mamba, 2023).
//
// For each key head the state S is a matrix [key size, value size]. A token with key k, value v and query q does
//
//    S = diag(exp(decay)) S              gated rules: row d of the state fades by exp(decay[d])
//    w = v, or beta (v - S^T k)          delta rules: only what S does not return for k already
//    S = S + k w^T
//    y = scale S^T q
//
// in this order, so that the delta sees the faded state, and a token reads what it wrote. The time is linear in the
// tokens, where that of Attention is quadratic. The chunked forms of the papers compute the same with matrix products;
// chunk_size is for them, and does not change the result.
//
// Smallest runner: regular, since the operators are of opset 27 and belong to decoders.
#include "ops/reference/attention.hpp"
#include "ops/reference/element.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>
#include <cstring>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// "gated" rules decay the state; "delta" rules write the difference from what the state already returns.
struct Rule {
  bool gated = false, delta = false;
};
constexpr std::string_view rule_names = "gated_delta linear gated delta";
Rule rule_of(const Attributes& attributes) {
  constexpr Rule rules[] = {{true, true}, {false, false}, {true, false}, {false, true}};
  return rules[choice_of(attributes, "update_rule", rule_names)];
}

// The state has one matrix for each key head; the output has one row for each query head. Its type is that of
// past_state, which may be wider than the data's; without one it is theirs.
Result<void> infer_attention(Inference& call) {
  for (std::size_t index : {0u, 1u, 2u, 4u, 5u}) TRY(need_rank(call, index, 3, 3));
  TRY(need_rank(call, 3, 4, 4));
  std::int64_t heads = call.attributes().integer("q_num_heads"), kv_heads = call.attributes().integer("kv_num_heads");
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return call.bad("q_num_heads must be a multiple of kv_num_heads");
  }
  const Rule rule = rule_of(call.attributes());
  if (rule.gated != call.present(4)) return call.bad("decay belongs to the gated rules, and to no other");
  if (rule.delta != call.present(5)) return call.bad("beta belongs to the delta rules, and to no other");
  DType element = TRY(common_element(call, {0, 1, 2}));
  const Shape *q = call.shape(0), *v = call.shape(2);
  DType state = call.present(3) ? call.element(3) : element;
  if (q == nullptr || v == nullptr) {
    call.set_output(0, element, unknown_shape(call, 3));
    call.set_output(1, state, unknown_shape(call, 4));
    return {};
  }
  Expr value_size = floor_div((*v)[2], kv_heads);
  call.set_output(0, element, Shape{(*q)[0], (*q)[1], value_size * Expr(heads)});
  call.set_output(1, state, Shape{(*q)[0], kv_heads, floor_div((*q)[2], heads), value_size});
  return {};
}

// The gates of one token, one for each head or for each row of its state; an absent view means no gates. Three widths
// are distinguished by the length of the last axis: one for all, one for each head, one for each row.
struct Gates {
  TensorView view;
  std::int64_t width = 0, per_head = 0;
  double at(std::int64_t token, std::int64_t head, std::int64_t row) const {
    std::int64_t index = per_head == 0 ? 0 : head * per_head + row % per_head;
    return load_of<double>(view.type)(view.data, token * width + index);
  }
};

// `rows` is how many gates a head may have: decay has one for each row of the state, beta one.
Result<Gates> gates_of(const TensorView& view, const Heads& k, std::int64_t rows, std::string_view what) {
  Gates gates{view};
  if (!view.present()) return gates;
  if (!holds<Floats>(view.type)) return refuse_type(view.type);
  bool fits = view.rank() == 3 && view.dim(0) == k.batches && view.dim(1) == k.length;
  gates.width = fits ? view.dim(2) : -1;
  if (gates.width == k.heads * rows) gates.per_head = rows;
  else if (gates.width == k.heads) gates.per_head = 1;
  else if (gates.width != 1) return refuse(std::string(what) + " does not fit the keys");
  return gates;
}

// The operands of one call, checked.
struct Layer {
  Attend all;
  Rule rule;
  Gates decay, beta;
  double scale;
  Dims state_dims;
  DType state_type;
};

Result<Layer> layer_of(const Call& call) {
  const Attributes& attributes = call.attributes;
  std::int64_t kv_heads = attributes.integer("kv_num_heads");
  Attend all;
  for (std::size_t index : {0u, 1u, 2u}) {
    if (call.input(index).rank() != 3) return refuse("query, key and value must have three axes");
  }
  all.q = TRY(heads_of(call.input(0), attributes.integer("q_num_heads"), "query"));
  all.k = TRY(heads_of(call.input(1), kv_heads, "key"));
  all.v = TRY(heads_of(call.input(2), kv_heads, "value"));
  TRY(check(all));
  const Heads &q = all.q, &k = all.k, &v = all.v;
  if (q.length != k.length) return refuse("query and key differ in length");
  const Rule rule = rule_of(attributes);
  if (rule.gated != call.input(4).present() || rule.delta != call.input(5).present()) {
    return refuse("the gates of the update rule are not those that are there");
  }
  Gates decay = TRY(gates_of(call.input(4), k, k.size, "decay")), beta = TRY(gates_of(call.input(5), k, 1, "beta"));
  const TensorView& past = call.input(3);
  Dims state_dims{q.batches, k.heads, k.size, v.size};
  const DType state_type = past.present() ? past.type : q.view.type;
  if (!holds<Floats>(state_type)) return refuse_type(state_type);
  if (past.present() && Dims(past.dims.begin(), past.dims.end()) != state_dims) {
    return refuse("past_state must be " + describe(state_type, state_dims));
  }
  // 0 is the attribute's default and means 1 / sqrt(key size), as in Attention; an empty head must not divide by 0.
  auto scale = static_cast<double>(attributes.number("scale"));
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(q.size, 1)));
  return Layer{all, rule, decay, beta, scale, std::move(state_dims), state_type};
}

// One token of key head `h` of batch `b`: fades the state, a matrix [key size, value size], writes the token's value
// into it at its key, and reads it with the queries of the heads that share this key head.
void step(const Layer& layer, std::int64_t b, std::int64_t h, std::int64_t t, std::vector<double>& state, void* y) {
  const Heads &q = layer.all.q, &k = layer.all.k, &v = layer.all.v;
  auto load = load_of<double>(q.view.type);
  auto store = store_of<double>(q.view.type);
  auto cell = [&](std::int64_t d, std::int64_t m) -> double& {
    return state[static_cast<std::size_t>(d * v.size + m)];
  };
  auto key = [&](std::int64_t d) { return load(k.view.data, k.at(b, h, t) + d); };
  const std::int64_t token = b * q.length + t, group = q.heads / k.heads;
  for (std::int64_t d = 0; d < k.size && layer.rule.gated; ++d) {
    // The decay is given as a logarithm: 0 keeps the row, and a negative number fades it.
    double fade = std::exp(layer.decay.at(token, h, d));
    for (std::int64_t m = 0; m < v.size; ++m) cell(d, m) *= fade;
  }
  std::vector<double> written(static_cast<std::size_t>(v.size));
  for (std::int64_t m = 0; m < v.size; ++m) {
    double value = load(v.view.data, v.at(b, h, t) + m);
    for (std::int64_t d = 0; d < k.size && layer.rule.delta; ++d) value -= cell(d, m) * key(d);
    written[static_cast<std::size_t>(m)] = layer.rule.delta ? layer.beta.at(token, h, 0) * value : value;
  }
  for (std::int64_t d = 0; d < k.size; ++d) {
    for (std::int64_t m = 0; m < v.size; ++m) cell(d, m) += key(d) * written[static_cast<std::size_t>(m)];
  }
  for (std::int64_t of = h * group; of < (h + 1) * group; ++of) {
    for (std::int64_t m = 0; m < v.size; ++m) {
      double sum = 0;
      for (std::int64_t d = 0; d < k.size; ++d) sum += load(q.view.data, q.at(b, of, t) + d) * cell(d, m);
      store(y, (token * q.heads + of) * v.size + m, layer.scale * sum);
    }
  }
}

// The state stays in f64 through all tokens, and is rounded to its type when it is returned: a sequence that is split
// into two calls rounds it once more.
Result<void> attention(const Call& call, Outputs& outputs) {
  const Layer layer = TRY(layer_of(call));
  const Heads &q = layer.all.q, &k = layer.all.k, &v = layer.all.v;
  const TensorView& past = call.input(3);
  const DType state_type = layer.state_type;
  Dims dims{q.batches, q.length, TRY(checked_multiply(q.heads, v.size))};
  MutableTensorView y = TRY(outputs.allocate(0, q.view.type, dims));
  std::optional<MutableTensorView> present;
  if (outputs.wanted(1)) present = TRY(outputs.allocate(1, state_type, layer.state_dims));
  const std::int64_t size = k.size * v.size;
  std::vector<double> state(static_cast<std::size_t>(size));
  for (std::int64_t head = 0; head < k.batches * k.heads; ++head) {
    for (std::int64_t i = 0; i < size; ++i) {
      state[static_cast<std::size_t>(i)] =
          past.present() ? load_of<double>(state_type)(past.data, head * size + i) : 0.0;
    }
    for (std::int64_t t = 0; t < q.length && !call.interrupted(); ++t)
      step(layer, head / k.heads, head % k.heads, t, state, y.data);
    for (std::int64_t i = 0; i < size && present; ++i) {
      store_of<double>(state_type)(present->data, head * size + i, state[static_cast<std::size_t>(i)]);
    }
  }
  return {};
}

// The state is the kernel's length less one: what the first outputs of the next call see before their own elements.
Result<void> infer_conv(Inference& call) {
  for (std::size_t index : {0u, 1u, 3u}) TRY(need_rank(call, index, 3, 3));
  TRY(need_rank(call, 2, 1, 1));
  DType element = TRY(common_element(call));
  const Shape *x = call.shape(0), *weight = call.shape(1);
  call.set_output(0, element, x == nullptr ? std::nullopt : std::optional(*x));
  if (x == nullptr || weight == nullptr) {
    call.set_output(1, element, unknown_shape(call, 3));
    return {};
  }
  TRY(same_size(call, (*x)[1], (*weight)[0]));
  if (!(*weight)[1].is(1) && (*weight)[1].constant()) return call.bad("the kernel's middle size must be 1");
  call.set_output(1, element, Shape{(*x)[0], (*x)[1], (*weight)[2] - Expr(1)});
  return {};
}

constexpr std::string_view activations = "none silu swish";

// y[t] = bias + sum over j of weight[j] x[t - (kernel - 1) + j], for each channel alone: the last tap meets the element
// itself, and no tap a later one. Elements before the first are those of the state, or zeros. Behind the carried
// elements `row` is the input, so its last kernel - 1 elements are the next state, also if the input is shorter than
// that and a part of the old state stays.
Result<void> conv(const Call& call, Outputs& outputs) {
  const TensorView &x = call.input(0), &weight = call.input(1), &bias = call.input(2), &past = call.input(3);
  if (x.rank() != 3 || weight.rank() != 3 || weight.dim(0) != x.dim(1) || weight.dim(1) != 1 || weight.dim(2) < 1) {
    return refuse("input must be [batches, channels, length], and weight [channels, 1, kernel]");
  }
  std::int64_t batches = x.dim(0), channels = x.dim(1), length = x.dim(2), kernel = weight.dim(2), carried = kernel - 1;
  TRY(same_type(x, weight));
  if (bias.present() && (bias.type != x.type || bias.rank() != 1 || bias.dim(0) != channels)) {
    return refuse("bias must have one element for each channel");
  }
  Dims state_dims{batches, channels, carried};
  if (past.present() && (past.type != x.type || Dims(past.dims.begin(), past.dims.end()) != state_dims)) {
    return refuse("past_state must be " + describe(x.type, state_dims));
  }
  const bool activated = choice_of(call.attributes, "activation", activations) != 0;
  if (!holds<Floats>(x.type)) return refuse_type(x.type);
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  std::optional<MutableTensorView> present;
  if (outputs.wanted(1)) present = TRY(outputs.allocate(1, x.type, state_dims));
  auto load = load_of<double>(x.type);
  auto store = store_of<double>(x.type);
  std::vector<double> row;  // the carried state, then the new elements
  for (std::int64_t at = 0; at < batches * channels; ++at) {
    row.clear();
    for (std::int64_t i = 0; i < carried; ++i) row.push_back(past.present() ? load(past.data, at * carried + i) : 0.0);
    for (std::int64_t i = 0; i < length; ++i) row.push_back(load(x.data, at * length + i));
    std::int64_t channel = at % channels;
    for (std::int64_t i = 0; i < length; ++i) {
      double sum = bias.present() ? load(bias.data, channel) : 0.0;
      for (std::int64_t tap = 0; tap < kernel; ++tap) {
        sum += row[static_cast<std::size_t>(i + tap)] * load(weight.data, channel * kernel + tap);
      }
      // silu and swish are the same, x sigmoid(x). exp may overflow to infinity, which the quotient turns into the
      // limit, 0.
      store(y.data, at * length + i, activated ? sum / (1 + std::exp(-sum)) : sum);
    }
    for (std::int64_t i = 0; i < carried && present; ++i) {
      store(present->data, at * carried + i, row[static_cast<std::size_t>(length + i)]);
    }
  }
  return {};
}

constexpr AttributeDef of_attention[] = {
    {"chunk_size", AttributeType::integer, "a hint for other implementations; has no effect"},
    {"kv_num_heads", AttributeType::integer, "heads of key and value", true},
    {"q_num_heads", AttributeType::integer, "heads of query", true},
    {"scale", AttributeType::number, "of the output; 0 if absent: 1/sqrt(size of a head)"},
    text_choice("update_rule", rule_names, "how the state is updated; 'gated' rules decay it")};
constexpr AttributeDef of_conv[] = {text_choice("activation", activations, "applied last")};

constexpr OpDef defs[] = {
    {
        .name = "LinearAttention",
        .since = 27,
        .summary = "Attention that accumulates keys and values in one matrix for each head.",
        .inputs = "query key:query value:query past_state?:f32,f16,bf16 decay?:query beta?:query",
        .outputs = "output present_state",
        .types = "f32 f16 bf16",
        .attributes = of_attention,
        .infer = infer_attention,
        .examples =
            [] {
              return Examples{{"two tokens, the state of the first one read by both",
                               {f32({1, 2, 1}, {1, 2}), f32({1, 2, 1}, {1, 1}), f32({1, 2, 2}, {1, 2, 3, 4})},
                               {{"q_num_heads", std::int64_t{1}},
                                {"kv_num_heads", std::int64_t{1}},
                                {"update_rule", std::string("linear")}},
                               {f32({1, 2, 2}, {1, 2, 8, 12}), f32({1, 1, 1, 2}, {4, 6})}},
                              {"the state fades to a half, and what it holds already is not written",
                               {f32({1, 1, 2}, {1, 2}), f32({1, 1, 1}, {1}), f32({1, 1, 1}, {4}),
                                f32({1, 1, 1, 1}, {2}), f32({1, 1, 1}, {-0.6931472f}), f32({1, 1, 1}, {0.5f})},
                               {{"q_num_heads", std::int64_t{2}}, {"kv_num_heads", std::int64_t{1}}, {"scale", 2.0f}},
                               {f32({1, 1, 2}, {5, 10}), f32({1, 1, 1, 1}, {2.5f})}}};
            },
    },
    {
        .name = "CausalConvWithState",
        .since = 27,
        .summary = "Causal convolution of each channel; the end of its past is returned as a state.",
        .inputs = "input weight:input bias?:input past_state?:input",
        .outputs = "output present_state",
        .types = "f32 f16 bf16",
        .attributes = of_conv,
        .infer = infer_conv,
        .examples =
            [] {
              return Examples{{"two taps, from nothing",
                               {f32({1, 1, 3}, {1, 2, 3}), f32({1, 1, 2}, {10, 1})},
                               {},
                               {f32({1, 1, 3}, {1, 12, 23}), f32({1, 1, 1}, {3})}},
                              {"two taps, from a state, with a bias",
                               {f32({1, 1, 1}, {2}), f32({1, 1, 2}, {10, 1}), f32({1}, {100}), f32({1, 1, 1}, {1})},
                               {},
                               {f32({1, 1, 1}, {112}), f32({1, 1, 1}, {2})}},
                              {"the state of a kernel of one is empty",
                               {f32({1, 1, 1}, {0}), f32({1, 1, 1}, {3})},
                               {{"activation", std::string("silu")}},
                               {f32({1, 1, 1}, {0}), f32({1, 1, 0}, {})}}};
            },
    },
};
constexpr OpRun runs[] = {{"", "LinearAttention", attention}, {"", "CausalConvWithState", conv}};

}  // namespace

std::span<const OpDef> linear_attention_ops() { return defs; }
std::span<const OpRun> linear_attention_runs() { return runs; }

}  // namespace modelctl::ops
