// Softmax, normalizations and means over rows: a tile is a few rows, and each row is one call of an inner loop.
#include "kernels/rows.hpp"

#include "kernels/bind/operands.hpp"

#include <algorithm>
#include <cmath>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t block = 1 << 14;  // elements of a tile, or one row

struct Rows {
  std::int64_t count = 0;
  std::int64_t size = 0;
};

Result<Rows> read_rows(const Operands& operands, const TensorView& x) {
  const auto rank = static_cast<std::int64_t>(x.rank());
  std::int64_t axis = TRY(operands.integer("axis", -1));
  if (axis < -rank || axis >= rank) return operands.refuse("X has no axis " + std::to_string(axis));
  if (axis < 0) axis += rank;
  Rows rows;
  const auto size = element_count(x.dims.subspan(static_cast<std::size_t>(axis)));
  if (!size) return operands.refuse("a row of X is too large");
  rows.size = *size;
  rows.count = rows.size == 0 ? 0 : x.elements() / rows.size;
  return rows;
}

// Calls body(row) for each row, some rows to a tile.
template <class Body>
void for_each_row(Workers& workers, Rows rows, Body body) {
  const std::int64_t each = std::max<std::int64_t>(block / std::max<std::int64_t>(rows.size, 1), 1);
  workers.for_each_tile(ceil_div(rows.count, each), [&](std::int64_t index) {
    const std::int64_t end = std::min((index + 1) * each, rows.count);
    for (std::int64_t row = index * each; row < end; ++row) body(row);
  });
}

class Softmax final : public Bound {
 public:
  Softmax(const Simd& simd, Rows rows, bool logarithm) : simd_(simd), rows_(rows), logarithm_(logarithm) {}
  void run(const RunCall& call) const override {
    for_each_row(call.workers, rows_, [&](std::int64_t row) {
      simd_.softmax(static_cast<const float*>(call.inputs[0]) + row * rows_.size,
                    static_cast<float*>(call.outputs[0]) + row * rows_.size, rows_.size, logarithm_);
    });
  }

 private:
  const Simd& simd_;
  Rows rows_;
  bool logarithm_;
};

class LayerNormalization final : public Bound {
 public:
  LayerNormalization(const Simd& simd, Rows rows, float epsilon) : simd_(simd), rows_(rows), epsilon_(epsilon) {}
  void run(const RunCall& call) const override {
    const auto input = [&](std::size_t i) {
      return i < call.inputs.size() ? static_cast<const float*>(call.inputs[i]) : nullptr;
    };
    const auto output = [&](std::size_t i, std::int64_t at) {
      return i < call.outputs.size() && call.outputs[i] ? static_cast<float*>(call.outputs[i]) + at : nullptr;
    };
    for_each_row(call.workers, rows_, [&](std::int64_t row) {
      simd_.layer_normalization(input(0) + row * rows_.size, input(1), input(2), epsilon_, output(0, row * rows_.size),
                                rows_.size, output(1, row), output(2, row));
    });
  }

 private:
  const Simd& simd_;
  Rows rows_;
  float epsilon_;
};

class RmsNormalization final : public Bound {
 public:
  RmsNormalization(const Simd& simd, Rows rows, float epsilon) : simd_(simd), rows_(rows), epsilon_(epsilon) {}
  void run(const RunCall& call) const override {
    for_each_row(call.workers, rows_, [&](std::int64_t row) {
      const auto* x = static_cast<const float*>(call.inputs[0]) + row * rows_.size;
      auto* y = static_cast<float*>(call.outputs[0]) + row * rows_.size;
      float mean = 0;
      simd_.dots(x, x, 0, 1, rows_.size, 1 / static_cast<float>(rows_.size), &mean);
      const float factor = 1 / std::sqrt(mean + epsilon_);
      simd_.binary(Binary::mul, x, 1, &factor, 0, y, rows_.size);
      simd_.binary(Binary::mul, y, 1, static_cast<const float*>(call.inputs[1]), 1, y, rows_.size);
    });
  }

 private:
  const Simd& simd_;
  Rows rows_;
  float epsilon_;
};

class ReduceMean final : public Bound {
 public:
  ReduceMean(const Simd& simd, Rows rows) : simd_(simd), rows_(rows) {}
  void run(const RunCall& call) const override {
    for_each_row(call.workers, rows_, [&](std::int64_t row) {
      static_cast<float*>(call.outputs[0])[row] =
          simd_.sum(static_cast<const float*>(call.inputs[0]) + row * rows_.size, rows_.size) /
          static_cast<float>(rows_.size);
    });
  }

 private:
  const Simd& simd_;
  Rows rows_;
};

Result<std::unique_ptr<Bound>> bind_softmax_of(const Operands& operands, const BindCall& call, bool logarithm) {
  TRY(operands.floats(1, 1));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  const Rows rows = TRY(read_rows(operands, call.inputs[0]));
  return std::make_unique<Softmax>(simd(call.cpu.isa), rows, logarithm);
}

Result<std::unique_ptr<Bound>> bind_softmax(const BindCall& call) {
  return bind_softmax_of(Operands("softmax_f32", call), call, false);
}
Result<std::unique_ptr<Bound>> bind_log_softmax(const BindCall& call) {
  return bind_softmax_of(Operands("log_softmax_f32", call), call, true);
}

Result<std::unique_ptr<Bound>> bind_layer_normalization(const BindCall& call) {
  const Operands operands("layer_normalization_f32", call);
  TRY(operands.floats(1, 3, 3));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  const Rows rows = TRY(read_rows(operands, call.inputs[0]));
  const float epsilon = TRY(operands.number("epsilon", 1e-5f));
  for (std::size_t i = 1; i < 3; ++i) {
    if (operands.has(i) && call.inputs[i].elements() != rows.size) {
      return operands.refuse((i == 1 ? "the scale" : "the bias") + std::string(" differs in size from a row"));
    }
    if (i < call.outputs.size() && call.outputs[i].present() && call.outputs[i].elements() != rows.count) {
      return operands.refuse("output " + std::to_string(i) + " differs in size from the number of rows");
    }
  }
  return std::make_unique<LayerNormalization>(simd(call.cpu.isa), rows, epsilon);
}

Result<std::unique_ptr<Bound>> bind_rms_normalization(const BindCall& call) {
  const Operands operands("rms_normalization_f32", call);
  TRY(operands.floats(2, 2));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  const Rows rows = TRY(read_rows(operands, call.inputs[0]));
  if (call.inputs[1].elements() != rows.size) return operands.refuse("the scale differs in size from a row");
  return std::make_unique<RmsNormalization>(simd(call.cpu.isa), rows, TRY(operands.number("epsilon", 1e-5f)));
}

Result<std::unique_ptr<Bound>> bind_reduce_mean(const BindCall& call) {
  const Operands operands("reduce_mean_f32", call);
  TRY(operands.floats(1, 1));
  const Rows rows = TRY(read_rows(operands, call.inputs[0]));
  if (rows.size == 0) return operands.refuse("a row of X is empty");
  if (call.outputs[0].elements() != rows.count) return operands.refuse("Y differs in size from the number of rows");
  return std::make_unique<ReduceMean>(simd(call.cpu.isa), rows);
}

constexpr KernelDef table[] = {
    {"layer_normalization_f32", bind_layer_normalization},
    {"log_softmax_f32", bind_log_softmax},
    {"reduce_mean_f32", bind_reduce_mean},
    {"rms_normalization_f32", bind_rms_normalization},
    {"softmax_f32", bind_softmax},
};

}  // namespace

std::span<const KernelDef> rows_kernels() { return table; }

}  // namespace modelctl::kernels
