// Adagrad, Adam and Momentum of ai.onnx.preview.training: one step of training. The inputs are a rate R, a count of
// steps T, and then for any number of tensors first all of them, then all gradients, then all states.
//
// Smallest runner: regular, since a step of training, in a preview domain.
#include "ops/reference/element.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

constexpr std::string_view domain = "ai.onnx.preview.training";

// `groups` of inputs after R and T; the outputs are the groups without the gradients.
// For n tensors the inputs are R, T, the tensors, their gradients, and then n of each state: counting from 0, tensor i
// of group j is input 2 + j * n + i. Outputs lack the gradients, so that group j > 1 is there at (j - 1) * n + i.
template <std::size_t groups>
Result<void> infer(Inference& call) {
  if (call.inputs() < 2 + groups || (call.inputs() - 2) % groups != 0) {
    return call.bad("its tensors, gradients and states differ in number");
  }
  std::size_t count = (call.inputs() - 2) / groups;
  for (std::size_t index = 0; index < std::min(call.node().outputs().size(), count * (groups - 1)); ++index) {
    std::size_t input = 2 + (index < count ? index : index + count);
    const graph::Shape* shape = call.shape(input);
    call.set_output(index, call.element(input), shape == nullptr ? std::nullopt : std::optional(*shape));
  }
  return {};
}

// One element's tensor, gradient and states; a rule changes all but the gradient.
struct Element {
  double x, g, v, h;
};

// Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011. All rules add the gradient of the L2 penalty norm / 2
// * x² first: g = G + norm * x. Then
//   h' = h + g²,   x' = x - R / (1 + T * decay) * g / (sqrt(h') + epsilon).
struct Adagrad {
  static constexpr std::size_t groups = 3;  // X, G, H
  double rate, norm, epsilon;
  Adagrad(const Attributes& attributes, double r, double t)
      : rate(r / (1 + t * attributes.number("decay_factor"))),
        norm(attributes.number("norm_coefficient")),
        epsilon(attributes.number("epsilon", 1e-6f)) {}
  void operator()(Element& e) const {
    double g = norm * e.x + e.g;
    e.v += g * g;
    e.x -= rate * g / (std::sqrt(e.v) + epsilon);
  }
};

// Polyak's heavy ball, and Nesterov's variant (Sutskever et al., 2013), which looks at the gradient one step ahead:
//   v' = alpha * v + beta * g,   x' = x - R * v'   or   x' = x - R * (g + alpha * v').
struct Momentum {
  static constexpr std::size_t groups = 3;  // X, G, V
  double rate, norm, alpha, beta;
  bool nesterov;
  // In the first step the gradient counts in full.
  Momentum(const Attributes& attributes, double r, double t)
      : rate(r),
        norm(attributes.number("norm_coefficient")),
        alpha(attributes.number("alpha")),
        beta(t > 0 ? attributes.number("beta") : 1),
        nesterov(attributes.text("mode") == "nesterov") {}
  void operator()(Element& e) const {
    double g = norm * e.x + e.g;
    e.v = alpha * e.v + beta * g;
    e.x -= rate * (nesterov ? g + alpha * e.v : e.v);
  }
};

// Kingma and Ba, "Adam: a method for stochastic optimization", 2015:
//   v' = alpha * v + (1 - alpha) g,   h' = beta * h + (1 - beta) g²,   x' = x - r * v' / (sqrt(h') + epsilon).
// Both means start at 0 and are, after T steps, too small by the factors 1 - alpha^T and 1 - beta^T: r = R * sqrt(1 -
// beta^T) / (1 - alpha^T) corrects that without touching the means. At T = 0 it would be 0 / 0, and the specification
// takes R.
struct Adam {
  static constexpr std::size_t groups = 4;  // X, G, V, H
  double rate, norm, norm_after, alpha, beta, epsilon;
  Adam(const Attributes& attributes, double r, double t)
      : norm(attributes.number("norm_coefficient")),
        norm_after(attributes.number("norm_coefficient_post")),
        alpha(attributes.number("alpha", 0.9f)),
        beta(attributes.number("beta", 0.999f)),
        epsilon(attributes.number("epsilon", 1e-6f)) {
    rate = t > 0 ? r * std::sqrt(1 - std::pow(beta, t)) / (1 - std::pow(alpha, t)) : r;
  }
  void operator()(Element& e) const {
    double g = norm * e.x + e.g;
    e.v = alpha * e.v + (1 - alpha) * g;
    e.h = beta * e.h + (1 - beta) * g * g;
    e.x = (1 - norm_after) * (e.x - rate * e.v / (std::sqrt(e.h) + epsilon));
  }
};

// In f64, element by element: states of f32 are rounded once for each step.
template <class Rule>
Result<void> evaluate(const Call& call, Outputs& outputs) {
  constexpr std::size_t groups = Rule::groups;
  if (call.inputs.size() < 2 + groups || (call.inputs.size() - 2) % groups != 0) {
    return refuse("tensors, gradients and states differ in number");
  }
  double t = static_cast<double>(TRY(one_integer(call.input(1), "T")));
  Rule rule(call.attributes, TRY(one_number(call.input(0), "R")), t);
  std::size_t count = (call.inputs.size() - 2) / groups;
  for (std::size_t index = 0; index < count; ++index) {
    const TensorView& x = call.input(2 + index);
    if (x.type != DType::f32 && x.type != DType::f64) return refuse_type(x.type);
    const void* in[4] = {};
    void* out[4] = {};
    for (std::size_t group = 0; group < groups; ++group) {
      const TensorView& input = call.input(2 + group * count + index);
      TRY(same_type(x, input));
      if (!std::equal(x.dims.begin(), x.dims.end(), input.dims.begin(), input.dims.end())) {
        return refuse("a gradient or a state has other dimensions than its tensor");
      }
      in[group] = input.data;
      std::size_t to = group == 0 ? index : (group - 1) * count + index;
      if (group != 1 && outputs.wanted(to)) out[group] = TRY(outputs.allocate(to, x.type, x.dims)).data;
    }
    auto load = load_of<double>(x.type);
    auto store = store_of<double>(x.type);
    std::int64_t elements = x.elements();
    for (std::int64_t i = 0; i < elements; ++i) {
      Element e{load(in[0], i), load(in[1], i), load(in[2], i), groups == 4 ? load(in[3], i) : 0};
      rule(e);
      const double results[] = {e.x, 0, e.v, e.h};
      for (std::size_t group = 0; group < groups; ++group) {
        if (out[group] != nullptr) store(out[group], i, results[group]);
      }
    }
  }
  return {};
}

constexpr AttributeDef norm = {"norm_coefficient", AttributeType::number, "of L2 regularization; 0 if absent"};
constexpr AttributeDef epsilon = {"epsilon", AttributeType::number, "added to the divisor; 1e-6 if absent"};
constexpr AttributeDef of_adagrad[] = {
    {"decay_factor", AttributeType::number, "R falls to R / (1 + T * decay_factor); 0 if absent"}, epsilon, norm};
constexpr AttributeDef of_adam[] = {
    {"alpha", AttributeType::number, "how much of the gradients' mean stays; 0.9 if absent"},
    {"beta", AttributeType::number, "how much of the squares' mean stays; 0.999 if absent"},
    epsilon,
    norm,
    {"norm_coefficient_post", AttributeType::number, "of regularization after the step; 0 if absent"}};
constexpr AttributeDef of_momentum[] = {
    {"alpha", AttributeType::number, "how much of the momentum stays", true},
    {"beta", AttributeType::number, "the gradient's factor, but in the first step", true},
    text_choice("mode", "standard nesterov", "whose momentum", true),
    {"norm_coefficient", AttributeType::number, "of L2 regularization", true}};

constexpr OpDef defs[] = {
    {
        .domain = domain,
        .name = "Adagrad",
        .since = 1,
        .summary = "A step of gradient descent, smaller where gradients were large.",
        .inputs = "R T inputs*",
        .outputs = "outputs*",
        .types = "f32 f64",
        .attributes = of_adagrad,
        .infer = infer<3>,
        .examples =
            [] {
              return Examples{{"one tensor",
                               {f32({}, {0.5f}), i64({}, {1}), f32({2}, {1, 2}), f32({2}, {3, -4}), f32({2}, {16, 0})},
                               {{"decay_factor", 1.0f}, {"epsilon", 0.0f}},
                               {f32({2}, {0.85f, 2.25f}), f32({2}, {25, 16})}}};
            },
    },
    {
        .domain = domain,
        .name = "Adam",
        .since = 1,
        .summary = "A step of gradient descent with running means of gradients and their squares.",
        .inputs = "R T inputs*",
        .outputs = "outputs*",
        .types = "f32 f64",
        .attributes = of_adam,
        .infer = infer<4>,
        .examples =
            [] {
              return Examples{
                  {"the first step takes the means as they are",
                   {f32({}, {0.5f}), i64({}, {0}), f32({1}, {1}), f32({1}, {2}), f32({1}, {0}), f32({1}, {0})},
                   {{"alpha", 0.5f}, {"beta", 0.75f}, {"epsilon", 0.0f}},
                   {f32({1}, {0.5f}), f32({1}, {1}), f32({1}, {1})}},
                  {"two tensors in a later step",
                   {f32({}, {0.5f}), i64({}, {1}), f32({1}, {1}), f32({1}, {3}), f32({1}, {2}), f32({1}, {-2}),
                    f32({1}, {0}), f32({1}, {0}), f32({1}, {0}), f32({1}, {0})},
                   {{"alpha", 0.5f}, {"beta", 0.75f}, {"epsilon", 0.0f}},
                   {f32({1}, {0.5f}), f32({1}, {3.5f}), f32({1}, {1}), f32({1}, {-1}), f32({1}, {1}), f32({1}, {1})}}};
            },
    },
    {
        .domain = domain,
        .name = "Momentum",
        .since = 1,
        .summary = "A step of gradient descent with momentum.",
        .inputs = "R T inputs*",
        .outputs = "outputs*",
        .types = "f32 f64",
        .attributes = of_momentum,
        .infer = infer<3>,
        .examples =
            [] {
              std::vector<Tensor> inputs = {f32({}, {0.5f}), i64({}, {3}), f32({1}, {1}), f32({1}, {2}), f32({1}, {4})};
              Attributes standard{
                  {"alpha", 0.5f}, {"beta", 0.25f}, {"mode", std::string("standard")}, {"norm_coefficient", 0.0f}};
              Attributes nesterov = standard;
              nesterov.set("mode", std::string("nesterov"));
              return Examples{{"half of the momentum stays", inputs, standard, {f32({1}, {-0.25f}), f32({1}, {2.5f})}},
                              {"Nesterov's looks ahead", inputs, nesterov, {f32({1}, {-0.625f}), f32({1}, {2.5f})}}};
            },
    },
};
constexpr OpRun runs[] = {
    {domain, "Adagrad", evaluate<Adagrad>}, {domain, "Adam", evaluate<Adam>}, {domain, "Momentum", evaluate<Momentum>}};

}  // namespace

std::span<const OpDef> optimizers_ops() { return defs; }
std::span<const OpRun> optimizers_runs() { return runs; }

}  // namespace modelctl::ops
