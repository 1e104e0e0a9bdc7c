// Unary and binary elementwise kernels. A broadcast becomes nested loops, of which the innermost one, where each
// operand has stride 0 or 1, is vectorized.
#include "kernels/elementwise.hpp"

#include "kernels/bind/operands.hpp"

#include <algorithm>
#include <cmath>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t block = 1 << 14;  // elements of a tile

class UnaryMap final : public Bound {
 public:
  UnaryMap(const Simd& simd, Activation f, std::int64_t size) : simd_(simd), f_(f), size_(size) {}
  void run(const RunCall& call) const override {
    const auto* x = static_cast<const float*>(call.inputs[0]);
    auto* y = static_cast<float*>(call.outputs[0]);
    call.workers.for_each_tile(ceil_div(size_, block), [&](std::int64_t index) {
      const std::int64_t at = index * block;
      simd_.unary(f_.after, f_.alpha, f_.beta, x + at, 0, y + at, 0, 1, std::min(block, size_ - at));
    });
  }

 private:
  const Simd& simd_;
  Activation f_;
  std::int64_t size_;
};

Result<Activation> read_function(const Operands& operands) {
  const std::string name = TRY(operands.text("function", ""));
  const UnaryRow* row = find_unary(name);
  if (row == nullptr) return operands.refuse("there is no function '" + name + "'");
  Activation f;
  f.after = row->function;
  f.alpha = TRY(operands.number("alpha", row->alpha));
  f.beta = TRY(operands.number("beta", row->beta));
  return f;
}

Result<std::unique_ptr<Bound>> bind_unary(const BindCall& call) {
  const Operands operands("unary_f32", call);
  TRY(operands.floats(1, 1));
  TRY(operands.dims("Y", call.outputs[0], call.inputs[0].dims));
  const Activation f = TRY(read_function(operands));
  return std::make_unique<UnaryMap>(simd(call.cpu.isa), f, call.outputs[0].elements());
}

// What a broadcast comes down to: nested loops over dimensions in which each operand steps or stands still.
struct Loop {
  std::int64_t size, a_step, b_step;
};

// Innermost first; neighbors that step alike are one.
std::vector<Loop> loops_of(DimsView a, DimsView b, DimsView y) {
  std::vector<Loop> loops;
  std::int64_t a_size = 1, b_size = 1;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::int64_t dim = y[y.size() - 1 - i];
    const std::int64_t a_dim = i < a.size() ? a[a.size() - 1 - i] : 1, b_dim = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (dim == 1) continue;
    const Loop loop{dim, a_dim == 1 ? 0 : a_size, b_dim == 1 ? 0 : b_size};
    a_size *= a_dim;
    b_size *= b_dim;
    if (!loops.empty()) {
      Loop& inner = loops.back();
      if (loop.a_step == inner.a_step * inner.size && loop.b_step == inner.b_step * inner.size) {
        inner.size *= dim;
        continue;
      }
    }
    loops.push_back(loop);
  }
  if (loops.empty()) loops.push_back({1, 1, 1});
  return loops;
}

void power(const float* a, int a_step, const float* b, int b_step, float* y, std::int64_t n) {
  if (b_step == 0 && *b == 2.0f) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = a[i * a_step] * a[i * a_step];
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::pow(a[i * a_step], b[i * b_step]);
}

class BinaryMap final : public Bound {
 public:
  using Function = void (*)(Binary f, const float* a, int a_step, const float* b, int b_step, float* y, std::int64_t n);
  BinaryMap(Function function, Binary f, std::vector<Loop> loops, std::int64_t size)
      : function_(function), f_(f), loops_(std::move(loops)) {
    stretch_ = std::clamp<std::int64_t>(loops_[0].size, 1, block);
    per_row_ = ceil_div(loops_[0].size, stretch_);
    stretches_ = size == 0 ? 0 : size / loops_[0].size * per_row_;
    per_tile_ = std::max<std::int64_t>(block / stretch_, 1);
  }

  void run(const RunCall& call) const override {
    const auto* a = static_cast<const float*>(call.inputs[0]);
    const auto* b = static_cast<const float*>(call.inputs[1]);
    auto* y = static_cast<float*>(call.outputs[0]);
    const Loop& inner = loops_[0];
    const int a_step = inner.a_step != 0, b_step = inner.b_step != 0;
    call.workers.for_each_tile(ceil_div(stretches_, per_tile_), [&](std::int64_t index) {
      const std::int64_t end = std::min((index + 1) * per_tile_, stretches_);
      for (std::int64_t at = index * per_tile_; at < end; ++at) {
        const std::int64_t row = at / per_row_, begin = at % per_row_ * stretch_;
        std::int64_t a_at = begin * a_step, b_at = begin * b_step, rest = row;
        for (std::size_t i = 1; i < loops_.size(); ++i) {
          const std::int64_t coordinate = rest % loops_[i].size;
          rest /= loops_[i].size;
          a_at += coordinate * loops_[i].a_step;
          b_at += coordinate * loops_[i].b_step;
        }
        function_(f_, a + a_at, a_step, b + b_at, b_step, y + row * inner.size + begin,
                  std::min(stretch_, inner.size - begin));
      }
    });
  }

 private:
  Function function_;
  Binary f_;
  std::vector<Loop> loops_;
  std::int64_t stretch_;    // elements per call of the function, at most
  std::int64_t per_row_;    // stretches in the innermost loop
  std::int64_t stretches_;  // in all
  std::int64_t per_tile_;
};

Result<std::unique_ptr<Bound>> bind_binary(const BindCall& call) {
  const Operands operands("binary_f32", call);
  TRY(operands.floats(2, 2));
  const DimsView a = call.inputs[0].dims, b = call.inputs[1].dims;
  Dims expected(std::max(a.size(), b.size()), 1);
  for (DimsView dims : {a, b}) {
    for (std::size_t i = 0; i < dims.size(); ++i) {
      std::int64_t& dim = expected[expected.size() - dims.size() + i];
      if (dim != 1 && dims[i] != 1 && dim != dims[i]) return operands.refuse("A and B do not broadcast");
      if (dim == 1) dim = dims[i];
    }
  }
  TRY(operands.dims("Y", call.outputs[0], expected));

  const Simd& table = simd(call.cpu.isa);
  struct Row {
    std::string_view name;
    Binary function;
  };
  static constexpr Row functions[] = {{"add", Binary::add}, {"sub", Binary::sub}, {"mul", Binary::mul},
                                      {"div", Binary::div}, {"max", Binary::max}, {"min", Binary::min}};
  const std::string name = TRY(operands.text("function", ""));
  const auto make = [&](BinaryMap::Function function, Binary f) {
    return std::make_unique<BinaryMap>(function, f, loops_of(a, b, expected), call.outputs[0].elements());
  };
  for (const Row& row : functions) {
    if (row.name == name) return make(table.binary, row.function);
  }
  if (name == "pow") {
    return make([](Binary, const float* x, int x_step, const float* e, int e_step, float* y,
                   std::int64_t n) { power(x, x_step, e, e_step, y, n); },
                Binary::mul);
  }
  return operands.refuse("there is no function '" + name + "'");
}

constexpr KernelDef table[] = {{"binary_f32", bind_binary}, {"unary_f32", bind_unary}};

}  // namespace

std::span<const KernelDef> elementwise_kernels() { return table; }

}  // namespace modelctl::kernels
