// Copies each input's rows to its place in Y. Where Y is in the memory of the first input, as a cache that grows, only
// the other inputs are copied.
#include "kernels/concat.hpp"

#include "kernels/bind/operands.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kernels {
namespace {

constexpr std::int64_t block = 1 << 16;  // bytes of a tile, or one row

class Concat final : public Bound {
 public:
  // `outer` rows; of each, operand i has bytes[i], and Y's begin `step` bytes apart.
  Concat(std::int64_t outer, std::int64_t step, std::vector<std::int64_t> bytes)
      : outer_(outer), step_(step), bytes_(std::move(bytes)) {}

  void run(const RunCall& call) const override {
    auto* y = static_cast<std::byte*>(call.outputs[0]);
    const bool in_place = call.inputs[0] == call.outputs[0];
    const std::int64_t each = std::max<std::int64_t>(block / std::max<std::int64_t>(step_, 1), 1);
    call.workers.for_each_tile(ceil_div(outer_, each), [&](std::int64_t index) {
      const std::int64_t end = std::min((index + 1) * each, outer_);
      for (std::int64_t row = index * each; row < end; ++row) {
        std::byte* to = y + row * step_;
        for (std::size_t i = 0; i < bytes_.size(); to += bytes_[i++]) {
          if ((i == 0 && in_place) || bytes_[i] == 0) continue;
          const auto* from = static_cast<const std::byte*>(call.inputs[i]);
          std::memcpy(to, from + row * bytes_[i], static_cast<std::size_t>(bytes_[i]));
        }
      }
    });
  }

 private:
  std::int64_t outer_, step_;
  std::vector<std::int64_t> bytes_;
};

Result<std::unique_ptr<Bound>> bind(const BindCall& call) {
  const Operands operands("concat", call);
  if (call.inputs.empty() || call.outputs.size() != 1) return operands.refuse("it takes inputs and gives one output");
  const TensorView& y = call.outputs[0];
  const int width = bits(y.type) / 8;
  if (width < 1 || y.type == DType::string) return operands.refuse("its elements are not whole bytes");
  TRY(operands.operand("Y", y, y.type));
  const std::int64_t axis = TRY(operands.integer("axis", 0));
  if (axis < 0 || axis >= static_cast<std::int64_t>(y.rank())) return operands.refuse("Y has no such axis");
  const auto at = static_cast<std::size_t>(axis);
  std::int64_t outer = 1, inner = width, length = 0;
  for (std::size_t i = 0; i < at; ++i) outer *= y.dim(i);
  for (std::size_t i = at + 1; i < y.rank(); ++i) inner *= y.dim(i);
  std::vector<std::int64_t> bytes;
  for (const TensorView& x : call.inputs) {
    TRY(operands.operand("an input", x, y.type));
    Dims expected(y.dims.begin(), y.dims.end());
    if (x.rank() == y.rank()) expected[at] = x.dim(at);
    TRY(operands.dims("an input", x, expected));
    length += x.dim(at);
    bytes.push_back(x.dim(at) * inner);
  }
  if (length != y.dim(at)) return operands.refuse("Y is not as long as its inputs together");
  if (y.elements() == 0) outer = 0;
  const std::int64_t rows = call.capacity > 0 ? call.capacity : length;
  return std::make_unique<Concat>(outer, rows * inner, std::move(bytes));
}

constexpr Continuation continues[] = {{0, 0, -1}};
constexpr KernelDef table[] = {{"concat", bind, continues}};

}  // namespace

std::span<const KernelDef> concat_kernels() { return table; }

}  // namespace modelctl::kernels
