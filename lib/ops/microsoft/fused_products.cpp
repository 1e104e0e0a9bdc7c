// FusedMatMul, TransposeMatMul, FusedConv and FusedGemm: products and convolutions fused with transpositions, factors,
// bias, residual and activation. Only the batched product has a reference implementation; the others are decomposed
// into the default domain's operators, and our own passes fuse those in the way our kernels want.
//
// Smallest runner: regular, since only ONNX Runtime's optimizer writes them.
#include "kernels/gemm.hpp"
#include "ops/reference/broadcast.hpp"
#include "ops/reference/multiply.hpp"
#include "ops/reference/window.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "ops/schema/lowering.hpp"
#include "ops/schema/rewrite.hpp"

#include <array>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Node;
using graph::Shape;
using graph::Value;

// The axes of an operand of FusedMatMul in the order batch, rows, columns: trans swaps the last two; transBatch takes
// the first axis as the rows, and the batch axes after it.
// For example, A [M, b1, b2, K] with transBatchA has the axes 1, 2, 0, 3: batches b1 and b2 of matrices [M, K]. With
// transA in addition the axes are 1, 2, 3, 0. Fewer than three axes have no batch to move.
std::vector<std::size_t> axes_of(std::size_t rank, bool flip, bool batch) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  if (batch && rank > 2) std::rotate(axes.begin(), axes.begin() + 1, axes.end() - 1);
  if (flip && rank > 1) std::swap(axes[rank - 1], axes[rank - 2]);
  return axes;
}

std::vector<std::size_t> axes_of(const Attributes& attributes, std::string_view side, std::size_t rank) {
  std::string s(side);
  return axes_of(rank, attributes.integer("trans" + s) != 0, attributes.integer("transBatch" + s) != 0);
}

// Sizes or strides in that order.
template <class Sizes>
std::vector<typename Sizes::value_type> ordered(const Sizes& sizes, const std::vector<std::size_t>& axes) {
  std::vector<typename Sizes::value_type> all;
  for (std::size_t axis : axes) all.push_back(sizes[axis]);
  return all;
}

// Numpy's matmul over the permuted axes.
Result<void> infer_matmul(Inference& call) {
  DType element = TRY(common_element(call));
  for (std::size_t index : {0u, 1u}) TRY(need_rank(call, index, 2));
  if (call.shape(0) == nullptr || call.shape(1) == nullptr) {
    call.set_type(0, {element});
    return {};
  }
  Shape a = ordered(*call.shape(0), axes_of(call.attributes(), "A", call.shape(0)->size()));
  Shape b = ordered(*call.shape(1), axes_of(call.attributes(), "B", call.shape(1)->size()));
  TRY(same_size(call, a.back(), b[b.size() - 2]));
  Shape shape = TRY(broadcast(call, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2)));
  shape.push_back(a[a.size() - 2]);
  shape.push_back(b.back());
  call.set_output(0, element, std::move(shape));
  return {};
}

// No operand is transposed in memory: permuted strides walk it in place.
Result<void> matmul(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1);
  TRY(need_rank(a, 2, "A"));
  TRY(need_rank(b, 2, "B"));
  TRY(same_type(a, b));
  auto a_axes = axes_of(call.attributes, "A", a.rank()), b_axes = axes_of(call.attributes, "B", b.rank());
  Dims a_dims = ordered(Dims(a.dims.begin(), a.dims.end()), a_axes), a_steps = ordered(strides_of(a.dims), a_axes);
  Dims b_dims = ordered(Dims(b.dims.begin(), b.dims.end()), b_axes), b_steps = ordered(strides_of(b.dims), b_axes);
  std::int64_t m = a_dims[a.rank() - 2], k = a_dims.back(), n = b_dims.back();
  if (b_dims[b.rank() - 2] != k) return refuse("the rows of A do not fit the columns of B");
  DimsView a_batch = DimsView(a_dims).first(a.rank() - 2), b_batch = DimsView(b_dims).first(b.rank() - 2);
  Dims batch = TRY(broadcast_dims(a_batch, b_batch)), dims = batch;
  dims.insert(dims.end(), {m, n});
  // Strides that are permuted like the sizes make a transposed operand look like a plain one to the loops: the matrix
  // at a batch's offset has its own steps from row to row and from column to column.
  // The strides of a batch in the broadcast batch: 0 along an axis that is stretched.
  auto spread = [&](DimsView own, const Dims& steps) {
    Dims all(batch.size(), 0);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i] != 1) all[batch.size() - own.size() + i] = steps[i];
    }
    return all;
  };
  // The factor multiplies the sum in f64, before the result is rounded to its type.
  auto alpha = static_cast<double>(call.attributes.number("alpha", 1));
  return for_type<Floats>(a.type, [&]<class T>() -> Result<void> {
    MutableTensorView y = TRY(outputs.allocate(0, a.type, dims));
    if (y.elements() == 0) return {};
    T* out = y.as<T>().data();
    for_each_index<2>(batch, {spread(a_batch, a_steps), spread(b_batch, b_steps)},
                      [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
                        Matrix<T> left{static_cast<const T*>(a.data) + at[0], a_steps[a.rank() - 2], a_steps.back()};
                        Matrix<T> right{static_cast<const T*>(b.data) + at[1], b_steps[b.rank() - 2], b_steps.back()};
                        multiply(call, left, right, m, k, n, [&](std::int64_t row, std::int64_t column, dot_t<T> sum) {
                          out[(i * m + row) * n + column] = static_cast<T>(static_cast<compute_t<T>>(sum * alpha));
                        });
                      });
    return {};
  });
}

// The kernels take A in its own layout and B in its own layout or transposed; other forms run the reference.
Result<bool> lower_matmul(Lowering& call) {
  const Attributes& attributes = call.attributes();
  if (!call.plain_f32(0) || !call.plain_f32(1)) return false;
  for (const char* name : {"transA", "transBatchA", "transBatchB"}) {
    if (attributes.integer(name) != 0) return false;
  }
  bool flip = attributes.integer("transB") != 0;
  float alpha = attributes.number("alpha", 1);
  // A constant matrix is packed, transposition and factor included, so that neither costs anything in the run. A
  // constant with more axes is a batch of matrices, for which there is no packed form.
  const Tensor* weights = call.constant(1);
  if (weights != nullptr && weights->dims().size() == 2) {
    call.emit("gemm_f32", {call.node().input(0), kernels::pack_gemm_weights(weights->view(), flip, alpha)}, {});
    return true;
  }
  call.emit("matmul_f32", {call.node().input(0), call.node().input(1)},
            {{"transposed", std::int64_t{flip}}, {"alpha", alpha}});
  return true;
}

// Of an activation: its alpha and beta, or the bounds of Clip. No activation here has a third one.
using Parameters = std::array<std::optional<float>, 2>;

// The activation that an attribute names.
// Absent parameters have the defaults of ONNX's operator of that name, which com.microsoft's documentation does not
// repeat. Clip must have both bounds.
Result<Value*> activated(Rewrite& rewrite, Value* x, std::string_view name, const Parameters& parameters) {
  auto number = [&](float value) { return rewrite.number(x->type.element, static_cast<double>(value)); };
  if (name.empty()) return x;
  if (name == "Relu" || name == "Tanh" || name == "Sigmoid") return rewrite.add(name, {x});
  if (name == "LeakyRelu") return rewrite.add(name, {x}, {{"alpha", parameters[0].value_or(0.01f)}});
  if (name == "HardSigmoid") {
    return rewrite.add(name, {x}, {{"alpha", parameters[0].value_or(0.2f)}, {"beta", parameters[1].value_or(0.5f)}});
  }
  if (name == "Clip" && parameters[0] && parameters[1]) {
    return rewrite.add(name, {x, number(*parameters[0]), number(*parameters[1])});
  }
  return rewrite.bad("activation '" + std::string(name) + "' is not supported");
}

// The attributes whose names do not begin with `prefix`.
Attributes without(const Attributes& attributes, std::string_view prefix) {
  Attributes rest;
  for (const auto& [name, value] : attributes) {
    if (!std::string_view(name).starts_with(prefix)) rest.set(name, value);
  }
  return rest;
}

// The inference of the default domain's operator `name`, whose inputs and attributes are the first ones of this one.
template <const char* name>
Result<void> infer_as(Inference& call) {
  return find("", name)->infer(call);
}
constexpr char conv_name[] = "Conv", gemm_name[] = "Gemm";

// activation(Conv(x, w, b) + residual)
// The residual is added before the activation: that is what makes it one block of a residual network.
Result<void> conv(Node& node) {
  Rewrite rewrite(node);
  Value* y =
      TRY(rewrite.add("Conv", {node.input(0), node.input(1), node.input(2)}, without(node.attributes, "activation")));
  if (node.input(3) != nullptr) y = TRY(rewrite.add("Add", {y, node.input(3)}));
  // FusedConv lists the parameters, so that a second one has a first.
  const auto& listed = node.attributes.numbers("activation_params");
  Parameters parameters;
  if (listed.size() > parameters.size()) return rewrite.bad("activation_params has more than two numbers");
  std::copy(listed.begin(), listed.end(), parameters.begin());
  rewrite.finish({TRY(activated(rewrite, y, node.attributes.text("activation"), parameters))});
  return {};
}

// activation(Gemm(a, b, c))
Result<void> gemm(Node& node) {
  Rewrite rewrite(node);
  Value* y =
      TRY(rewrite.add("Gemm", {node.input(0), node.input(1), node.input(2)}, without(node.attributes, "activation")));
  // FusedGemm has an attribute for each parameter, and so may have the second one alone.
  Parameters parameters;
  if (node.attributes.has("activation_alpha")) parameters[0] = node.attributes.number("activation_alpha");
  if (node.attributes.has("activation_beta")) parameters[1] = node.attributes.number("activation_beta");
  rewrite.finish({TRY(activated(rewrite, y, node.attributes.text("activation"), parameters))});
  return {};
}

constexpr AttributeDef activation =
    text_choice("activation", " Relu Tanh Sigmoid LeakyRelu HardSigmoid Clip", "applied last; none if absent or empty");
constexpr AttributeDef of_matmul[] = {
    {"alpha", AttributeType::number, "multiplies the product; 1 if absent"},
    {"transA", AttributeType::integer, "0 if absent; 1: A's last two axes change places"},
    {"transB", AttributeType::integer, "0 if absent; 1: B's last two axes change places"},
    {"transBatchA", AttributeType::integer, "0 if absent; 1: A's rows are its first axis"},
    {"transBatchB", AttributeType::integer, "0 if absent; 1: B's rows are its first axis"}};
constexpr AttributeDef of_conv[] = {activation,
                                    {"activation_params", AttributeType::numbers, "the activation's, in order"},
                                    text_choice("auto_pad", auto_pads, "as Conv's"),
                                    {"dilations", AttributeType::integers, "as Conv's"},
                                    {"group", AttributeType::integer, "as Conv's"},
                                    {"kernel_shape", AttributeType::integers, "as Conv's"},
                                    {"pads", AttributeType::integers, "as Conv's"},
                                    {"strides", AttributeType::integers, "as Conv's"}};
constexpr AttributeDef of_gemm[] = {activation,
                                    {"activation_alpha", AttributeType::number, "the activation's first parameter"},
                                    {"activation_beta", AttributeType::number, "the activation's second parameter"},
                                    {"activation_gamma", AttributeType::number, "the activation's third parameter"},
                                    {"alpha", AttributeType::number, "multiplies the product; 1 if absent"},
                                    {"beta", AttributeType::number, "multiplies C; 1 if absent"},
                                    {"transA", AttributeType::integer, "0 if absent; 1: A is [K,M]"},
                                    {"transB", AttributeType::integer, "0 if absent; 1: B is [N,K]"}};

Examples of_product() {
  return {{"B transposed, and a factor",
           {f32({1, 2}, {1, 2}), f32({2, 2}, {1, 1, 0, 3})},
           {{"transB", std::int64_t{1}}, {"alpha", 0.5f}},
           {f32({1, 2}, {1.5f, 3})}},
          {"A transposed, by batches",
           {f32({2, 2, 1}, {1, 2, 3, 4}), f32({2, 2, 1}, {1, 1, 1, 1})},
           {{"transA", std::int64_t{1}}},
           {f32({2, 1, 1}, {3, 7})}}};
}

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "FusedMatMul",
        .since = 1,
        .summary = "The product of two matrices, each transposed if its attribute is 1, times a factor.",
        .inputs = "A B:A",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_matmul,
        .infer = infer_matmul,
        .short_floats = ShortFloats::widen,
        .lower = lower_matmul,
        .examples =
            [] {
              Examples all = of_product();
              all.push_back({"rows along the first axis of A",
                             {f32({2, 2, 1}, {1, 2, 3, 4}), f32({2, 1, 1}, {1, 10})},
                             {{"transBatchA", std::int64_t{1}}},
                             {f32({2, 2, 1}, {1, 3, 20, 40})}});
              return all;
            },
    },
    {
        .domain = "com.microsoft",
        .name = "TransposeMatMul",
        .since = 1,
        .summary = "FusedMatMul, as it was named first.",
        .inputs = "A B:A",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_matmul,
        .infer = infer_matmul,
        .lower = lower_matmul,
        .examples = of_product,
    },
    {
        .domain = "com.microsoft",
        .name = "FusedConv",
        .since = 1,
        .summary = "Convolution, then a residual and an activation.",
        .inputs = "X W:X B?:X Z?:X",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_conv,
        .infer = infer_as<conv_name>,
        .decompose = conv,
        .examples =
            [] {
              return Examples{
                  {"a residual, and numbers cut off on both sides",
                   {f32({1, 1, 1, 3}, {1, 2, 3}), f32({1, 1, 1, 1}, {2}), Tensor(), f32({1, 1, 1, 3}, {-9, 0, 0})},
                   {{"activation", std::string("Clip")}, {"activation_params", std::vector<float>{0, 5}}},
                   {f32({1, 1, 1, 3}, {0, 4, 5})}}};
            },
    },
    {
        .domain = "com.microsoft",
        .name = "FusedGemm",
        .since = 1,
        .summary = "Gemm, then an activation.",
        .inputs = "A B:A C?:A",
        .outputs = "Y",
        .types = float_types,
        .attributes = of_gemm,
        .infer = infer_as<gemm_name>,
        .short_floats = ShortFloats::widen,
        .decompose = gemm,
        .examples =
            [] {
              return Examples{{"a slope below zero",
                               {f32({1, 1}, {2}), f32({1, 2}, {1, -1}), f32({2}, {1, 0})},
                               {{"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.5f}},
                               {f32({1, 2}, {3, -1})}},
                              {"the second parameter alone",
                               {f32({1, 1}, {2}), f32({1, 2}, {1, -1})},
                               {{"activation", std::string("HardSigmoid")}, {"activation_beta", 0.25f}},
                               {f32({1, 2}, {0.65f, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "FusedMatMul", matmul}, {"com.microsoft", "TransposeMatMul", matmul}};

}  // namespace

std::span<const OpDef> fused_products_ops() { return defs; }
std::span<const OpRun> fused_products_runs() { return runs; }

}  // namespace modelctl::ops
